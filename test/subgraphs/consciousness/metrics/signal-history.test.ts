import { describe, expect, it } from '@jest/globals';
import { layHistory } from '../../../../subgraphs/consciousness/metrics/signal-history.js';
import type { Sample } from '../../../../subgraphs/consciousness/samples/sample.js';

const OPTIONS = { periodMs: 100, capacity: 8, minimum: 3, longestHold: 2 };

/** A sample of an instant, in periods, with values by the name of their metric. */
function sampleAt(tick: number, values: Readonly<Record<string, number>>): Sample {
  const nodes = Object.entries(values).map(([metric, value]) => {
    const index = 'abc'.indexOf(metric);
    return { index, deviceId: 'dev_1', metric, value, phase: null, coherence: null };
  });
  const sampledAt = new Date(1_000_000 + tick * 100);
  return { sequence: BigInt(tick), sampledAt, coherence: null, windowMs: 800, nodes };
}

const plain = ({ length, nodes, signals }: ReturnType<typeof layHistory>) => ({
  length,
  nodes,
  signals: signals.map((signal) => [...signal]),
});

describe('the history of signals', () => {
  it('has a value for each instant, held where samples are missing', () => {
    const samples = [sampleAt(1, { a: 1, b: 5 }), sampleAt(4, { a: 2, b: 6 })];
    expect(plain(layHistory(samples, OPTIONS))).toEqual({
      length: 4,
      nodes: [0, 1],
      signals: [
        [1, 1, 1, 2],
        [5, 5, 5, 6],
      ],
    });
  });

  it('begins anew behind a longer hole', () => {
    const samples = [1, 2, 3, 7, 8, 9].map((tick) => sampleAt(tick, { a: tick }));
    expect(plain(layHistory(samples, OPTIONS)).signals).toEqual([[7, 8, 9]]);
  });

  it('is the newest part that all share, without the signals that are too short', () => {
    const samples = [
      sampleAt(1, { a: 1 }),
      sampleAt(2, { a: 2, b: 20 }),
      sampleAt(3, { a: 3, b: 30 }),
      sampleAt(4, { a: 4, b: 40, c: 400 }),
    ];
    expect(plain(layHistory(samples, OPTIONS))).toEqual({
      length: 3,
      nodes: [0, 1],
      signals: [
        [2, 3, 4],
        [20, 30, 40],
      ],
    });
  });

  it('tells how short the signals are when all are too short', () => {
    expect(plain(layHistory([sampleAt(1, { a: 1 }), sampleAt(2, { a: 2, b: 1 })], OPTIONS)).length).toBe(1);
    expect(plain(layHistory([], OPTIONS))).toEqual({ length: 0, nodes: [], signals: [] });
  });

  it('leaves signals out that no node has any more', () => {
    const samples = [1, 2, 3].map((tick) => sampleAt(tick, { a: tick, b: tick }));
    expect(layHistory([...samples, sampleAt(4, { b: 4 })], OPTIONS).nodes).toEqual([1]);
  });
});
