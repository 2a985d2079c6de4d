import { describe, expect, it } from '@jest/globals';
import {
  weighNodes,
  type NodeMetrics,
} from '../../../../subgraphs/consciousness/metrics/describe-metrics.js';

function weigh(...worths: (readonly [level: number | null, validity: number])[]): number[] {
  const unknown = {
    phi: null,
    coherence: null,
    stability: null,
    divergence: null,
    source: null,
    phaseSource: null,
  };
  const nodes = worths.map(([level, validity], index): NodeMetrics => ({
    ...unknown,
    ...{ index, level, validity, fresh: true, reputation: 1 },
  }));
  return weighNodes(nodes).map(({ weight }) => weight);
}

describe('the weights of nodes', () => {
  it('are level times validity, by their sum', () => {
    expect(weigh([0.5, 1], [0.5, 0.5], [0.25, 1])).toEqual([0.5, 0.25, 0.25]);
  });

  it('go by validity while no believed node has a level: one that is not believed never counts', () => {
    expect(weigh([null, 1], [null, 0.5], [0.9, 0], [0, 0.5])).toEqual([0.5, 0.25, 0, 0.25]);
  });

  it('are equal when nobody is believed', () => {
    expect(weigh([0.5, 0], [null, 0])).toEqual([0.5, 0.5]);
  });
});
