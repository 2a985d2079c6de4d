import { describe, expect, it } from '@jest/globals';
import { rankBipartitions } from '../../../../subgraphs/consciousness/metrics/bipartitions.js';
import { computeNodeIntegration } from '../../../../subgraphs/consciousness/metrics/node-integration.js';
import { levelOfNode, measureMembers } from '../../../../subgraphs/consciousness/metrics/node-numbers.js';
import { buildMatrix, covarianceOf } from '../support/autoregression.js';
import { createRandom, wave } from '../support/waves.js';

/** Phases by a formula, as points of the unit circle. */
const turning = (formula: (t: number) => number) => ({
  cosines: wave(200, (t) => Math.cos(formula(t))),
  sines: wave(200, (t) => Math.sin(formula(t))),
});

const ALL = { from: 0, to: 200 };

describe('what a node adds to the whole', () => {
  it('is φ of the bipartition of the node and all others', () => {
    const random = createRandom(5);
    const covariance = covarianceOf({ coupling: buildMatrix(5, () => 0.3 * (random() - 0.4)) });
    const all = rankBipartitions(covariance, 15).best;
    const found = computeNodeIntegration(covariance);
    for (let node = 0; node < 5; node += 1) {
      const alone = all.find(({ parts }) => parts.some((part) => part.length === 1 && part[0] === node));
      expect(found[node]).toBeCloseTo((alone?.nats ?? NaN) / Math.LN2, 10);
    }
  });

  it('is ½ log₂(1 + b²) for both of two nodes of which one drives the other by b', () => {
    const coupling = [
      [0, 0],
      [1.5, 0],
    ];
    for (const bits of computeNodeIntegration(covarianceOf({ coupling }))) {
      expect(bits).toBeCloseTo(Math.log2(1 + 1.5 ** 2) / 2, 10);
    }
  });
});

describe('how a node keeps to the others', () => {
  it('is 1 when all turn together, at whatever difference', () => {
    const members = measureMembers(
      [0, 0.5, 1].map((phase) => turning((t) => 0.2 * t + phase)),
      ALL,
    );
    for (const { coherence, stability } of members) {
      expect(coherence).toBeCloseTo(1, 10);
      expect(stability).toBeCloseTo(1, 10);
    }
  });

  it('is nearly 0 for one that turns at its own speed, and 1 for the others among themselves', () => {
    const together = [0, 0, 0, 0].map(() => turning((t) => 0.2 * t));
    const members = measureMembers([turning((t) => 0.2 * t + (2 * Math.PI * t) / 50), ...together], ALL);
    expect(members[0]?.coherence).toBeLessThan(1e-9);
    expect(members[0]?.stability).toBeLessThan(0.3);
    expect(members[1]?.coherence).toBeGreaterThan(0.9);
  });

  it('cannot be told of a node without phases, and of nodes whose others cancel out', () => {
    const none = { cosines: new Float64Array(200), sines: new Float64Array(200) };
    const [silent] = measureMembers([none, turning((t) => t), turning((t) => t)], ALL);
    expect(silent).toEqual({ coherence: null, stability: null });
    const [between] = measureMembers(
      [turning((t) => t), turning((t) => t), turning((t) => t + Math.PI)],
      ALL,
    );
    expect(between?.coherence).toBeNull();
  });

  it('makes a level with the rest, and none while a part is missing', () => {
    const whole = { phi: Math.LN2, coherence: 1, stability: 1, divergence: 0 };
    expect(levelOfNode(whole)).toBeCloseTo(0.5 ** 0.25, 12);
    expect(levelOfNode({ ...whole, stability: null })).toBeNull();
    expect(levelOfNode({ ...whole, phi: -1 })).toBe(0);
  });
});
