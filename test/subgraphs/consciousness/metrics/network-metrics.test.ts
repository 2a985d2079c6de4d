import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import type { Standing } from '../../../../subgraphs/consciousness/metrics/describe-metrics.js';
import { createNetworkMetrics } from '../../../../subgraphs/consciousness/metrics/network-metrics.js';
import { measureWindow } from '../../../../subgraphs/consciousness/metrics/window-metrics.js';
import type { Sample } from '../../../../subgraphs/consciousness/samples/sample.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { chain, simulate } from '../support/autoregression.js';
import { newWorkspace, startConsciousness, type Consciousness } from '../support/start-consciousness.js';
import { createRandom } from '../support/waves.js';

const FIELDS = `{ networkState { sampledAt metrics {
  window { from to samples rateHz nodes }
  phi { bits significant surrogate95 surrogates partition method normalisation lag samples shrinkage }
  coherence stability divergence
  level { value levelVersion phi0 }
  pairs { a b locking }
  missing { metric code message }
} } }`;

const opened = createOpened();
let database: Database;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);

afterAll(opened.close);

const NAMES = ['a', 'b', 'c', 'd'];

/** A network of four nodes with this history behind it. */
async function startWith(signals: readonly Float64Array[]): Promise<Consciousness> {
  const settings = { nodeCount: 5, metricsSamples: 80, metricsMinimum: 64 };
  const consciousness = await startConsciousness({ database, workspace: newWorkspace(), settings });
  opened.keep(consciousness.subgraph);
  await consciousness.register('dev_1', 'host', NAMES);
  await consciousness.clock.advance(1_000);
  for (let t = 0; t < (signals[0]?.length ?? 0); t += 1) await beat(consciousness, signals, t);
  return consciousness;
}

async function beat(
  consciousness: Consciousness,
  signals: readonly Float64Array[],
  t: number,
): Promise<void> {
  const values = NAMES.map((name, place) => [name, signals[place]?.[t] ?? 0] as const);
  await consciousness.measure('dev_1', Object.fromEntries(values));
  await consciousness.clock.advance(1_000);
}

async function ask(consciousness: Consciousness) {
  const { data, errors } = await consciousness.query(FIELDS);
  expect(errors).toBeUndefined();
  return (data as { networkState: { sampledAt: string; metrics: Record<string, unknown> } }).networkState;
}

describe('networkState.metrics', () => {
  it('are the numbers of the stored samples of the window, by the indexes of the nodes', async () => {
    const signals = simulate(chain(4, 0.9, true), 90, createRandom(1));
    const { sampledAt, metrics } = await ask(await startWith(signals));
    const expected = measureWindow(
      signals.map((signal) => signal.slice(-80)),
      { lag: 1, surrogates: 19, seed: 1 },
    );
    expect(metrics).toMatchObject({
      window: { to: sampledAt, samples: 80, rateHz: 1, nodes: [0, 1, 2, 3] },
      phi: {
        bits: expect.closeTo(expected.phi?.bits ?? NaN, 9),
        significant: true,
        surrogates: 19,
        partition: expected.phi?.partition,
        method: 'GAUSSIAN_WHOLE_MINUS_SUM',
        ...{ normalisation: 'ENTROPY', lag: 1, samples: 80, shrinkage: 0 },
      },
      coherence: expect.closeTo(expected.coherence ?? NaN, 9),
      stability: expect.closeTo(expected.stability ?? NaN, 9),
      divergence: expect.closeTo(expected.divergence ?? NaN, 9),
      level: { value: expect.closeTo(expected.level?.value ?? NaN, 9), levelVersion: 1, phi0: 1 },
      missing: [],
    });
    expect(metrics['pairs']).toHaveLength(6);
    const { from, to } = metrics['window'] as { from: string; to: string };
    expect(Date.parse(to) - Date.parse(from)).toBe(79_000);
  });

  it('are null, each with its reason, until there are enough samples', async () => {
    const signals = simulate(chain(4, 0.9, true), 64, createRandom(2));
    const consciousness = await startWith(signals.map((signal) => signal.slice(0, 63)));
    const { metrics } = await ask(consciousness);
    expect(metrics).toMatchObject({
      phi: null,
      coherence: null,
      level: null,
      pairs: [],
      window: { samples: 63 },
    });
    expect(metrics['missing']).toHaveLength(5);
    expect(metrics['missing']).toContainEqual({
      metric: 'PHI',
      code: 'TOO_FEW_SAMPLES',
      message: 'expected at least 64 samples of a signal, got 63 so far. Wait for more.',
    });
    await beat(consciousness, signals, 63);
    expect((await ask(consciousness)).metrics).toMatchObject({ phi: { samples: 64 }, missing: [] });
  });
});

describe('the reader', () => {
  const options = {
    ...{ samplePeriodMs: 100, stalePeriods: 3, metricsSamples: 64, metricsMinimum: 64 },
    ...{ metricsLag: 1, metricsSurrogates: 19, windowSamples: 64, nodeCount: 13 },
  };
  const signals = simulate(chain(2, 0.9, true), 64, createRandom(3));
  const samples = Array.from({ length: 64 }, (_, t): Sample => {
    const nodes = signals.map((signal, index) => ({
      ...{
        index,
        deviceId: 'dev_1',
        metric: String(index),
        value: signal[t] ?? 0,
        phase: null,
        coherence: null,
      },
    }));
    return { sequence: BigInt(t), sampledAt: new Date(t * 100), coherence: null, windowMs: 6_400, nodes };
  });
  const newest = samples.at(-1) as Sample;

  /** A reader that counts what it asks for, and whose thread fails so many times first. */
  function createReader(failures = 0) {
    const asked = { storage: 0, worker: 0 };
    const storage = {
      readBetween: () => {
        asked.storage += 1;
        return Promise.resolve(samples);
      },
    };
    const readStandings = () => Promise.resolve(new Map<number, Standing>());
    const worker = {
      measure: async (...window: Parameters<typeof measureWindow>) => {
        asked.worker += 1;
        if (asked.worker <= failures) throw new Error('the thread failed');
        return Promise.resolve({ ...measureWindow(...window), computedInMs: 1 });
      },
    };
    return { asked, reader: createNetworkMetrics({ storage, worker, readStandings, options }) };
  }

  it('measures a sample once, however many ask', async () => {
    const { asked, reader } = createReader();
    const [one, other] = await Promise.all([reader.read(newest), reader.read(newest)]);
    expect(await reader.read(newest)).toBe(one);
    expect(other).toBe(one);
    expect(asked).toEqual({ storage: 1, worker: 1 });
  });

  it('measures again after it has failed', async () => {
    const { reader } = createReader(1);
    await expect(reader.read(newest)).rejects.toThrow('the thread failed');
    expect((await reader.read(newest)).missing).toEqual([]);
  });
});
