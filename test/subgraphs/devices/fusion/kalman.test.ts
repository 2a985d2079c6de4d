import { describe, expect, it } from '@jest/globals';
import { countOnce } from '../../../../subgraphs/devices/fusion/count-once.js';
import type { FusionStep } from '../../../../subgraphs/devices/fusion/fusion-step.js';
import { createLevelFilter } from '../../../../subgraphs/devices/fusion/kalman-level.js';
import { createVelocityFilter } from '../../../../subgraphs/devices/fusion/kalman-velocity.js';
import { inputsOf } from './support/inputs.js';

/** Gives a filter zeros until its gains no longer change. */
function settle(filter: FusionStep, variance: number): void {
  for (let step = 0; step < 5_000; step += 1) filter(inputsOf([0], [variance]), 0);
}

describe('the filter of a level', () => {
  it.each([
    [0.01, 1, 1],
    [1e-5, 0.01, 1],
    [2, 0.5, 0.25],
  ])(
    'settles at the gain of the Riccati equation for drift %d, variance %d, step %d s',
    (q, r, stepSeconds) => {
      // P = P − P²/(P + R) + Q has the solution P = (Q + √(Q² + 4QR))/2 before the correction, and K = P/(P + R):
      // Bar-Shalom, Li, Kirubarajan (2001), §5.2, for the scalar random walk.
      const growth = q * stepSeconds;
      const prior = (growth + Math.sqrt(growth ** 2 + 4 * growth * r)) / 2;
      const gain = prior / (prior + r);
      const filter = createLevelFilter({ driftVariance: q, stepSeconds });
      settle(filter, r);
      const answer = filter(inputsOf([1], [r]), 0);
      expect(answer.value).toBeCloseTo(gain, 10);
      expect(answer.variance).toBeCloseTo(gain * r, 10);
    },
  );

  it('is the mean of all measurements of a constant, with an nth of their variance', () => {
    // Welch & Bishop (2006), §3, without process noise.
    const filter = createLevelFilter({ driftVariance: 0, stepSeconds: 1 });
    const measured = [4, 8, 6, 2, 5];
    const last = measured.map((value) => filter(inputsOf([value], [0.1]), 0)).at(-1);
    expect(last?.value).toBeCloseTo(5, 12);
    expect(last?.variance).toBeCloseTo(0.1 / 5, 12);
  });

  it('keeps its level without inputs, and grows less certain by the drift', () => {
    const filter = createLevelFilter({ driftVariance: 0.5, stepSeconds: 2 });
    expect(filter([], 0)).toMatchObject({ value: null, variance: null });
    expect(filter(inputsOf([7], [3]), 0)).toMatchObject({ value: 7, variance: 3 });
    expect(filter([], 0)).toMatchObject({ value: 7, variance: 4 });
    expect(filter([], 0)).toMatchObject({ value: 7, variance: 5, used: [] });
  });

  it('takes several devices at once as it takes one after the other without a step between', () => {
    const together = createLevelFilter({ driftVariance: 0, stepSeconds: 1 });
    const inTurn = createLevelFilter({ driftVariance: 0, stepSeconds: 1 });
    const both = together(inputsOf([3, 5], [1, 2]), 0);
    inTurn(inputsOf([3], [1]), 0);
    const second = inTurn(inputsOf([5], [2]), 0);
    expect(both.value).toBeCloseTo(second.value ?? NaN, 12);
    expect(both.variance).toBeCloseTo(second.variance ?? NaN, 12);
  });
});

describe('the filter of a velocity', () => {
  it.each([
    [0.01, 1, 1],
    [1, 1, 1],
    [4, 0.25, 0.5],
    [0.1, 20, 10],
  ])(
    'settles at the gains of the tracking index for acceleration %d, variance %d, step %d s',
    (a, r, step) => {
      // Λ = σₐT²/σ, ρ = (4 + Λ − √(8Λ + Λ²))/4, α = 1 − ρ², β = 2(2 − α) − 4√(1 − α): Kalata, The tracking index: a
      // generalized parameter for α-β and α-β-γ target trackers, IEEE Trans. AES-20 (1984).
      const index = (Math.sqrt(a) * step ** 2) / Math.sqrt(r);
      const root = (4 + index - Math.sqrt(8 * index + index ** 2)) / 4;
      const alpha = 1 - root ** 2;
      const beta = 2 * (2 - alpha) - 4 * Math.sqrt(1 - alpha);
      expect(beta ** 2 / (1 - alpha)).toBeCloseTo(index ** 2, 8);

      const filter = createVelocityFilter({ accelerationVariance: a, stepSeconds: step });
      settle(filter, r);
      const corrected = filter(inputsOf([1], [r]), 0);
      // At rest at 0, a measurement of 1 moves the value to α and the velocity to β/T: a step later it is at α + β.
      const predicted = filter([], 0);
      expect(corrected.value).toBeCloseTo(alpha, 8);
      expect((corrected.variance ?? NaN) / r).toBeCloseTo(alpha, 8);
      expect((predicted.value ?? NaN) - (corrected.value ?? NaN)).toBeCloseTo(beta, 8);
    },
  );

  it('follows a straight line exactly from its second measurement, and goes on along it', () => {
    const filter = createVelocityFilter({ accelerationVariance: 0.3, stepSeconds: 2 });
    for (let step = 0; step < 20; step += 1) {
      expect(filter(inputsOf([5 + 3 * step]), 0).value).toBeCloseTo(5 + 3 * step, 9);
    }
    expect(filter([], 0).value).toBeCloseTo(65, 9);
    expect(filter([], 0).value).toBeCloseTo(68, 9);
  });

  it('has the variance of a line through n points at its end, without disturbance', () => {
    // Least squares: σ²·2(2n − 1)/(n(n + 1)); Bar-Shalom, Li, Kirubarajan (2001), §3.5.1.
    const filter = createVelocityFilter({ accelerationVariance: 0, stepSeconds: 1 });
    for (let n = 1; n <= 30; n += 1) {
      const { variance } = filter(inputsOf([4], [0.5]), 0);
      if (n >= 2) expect(variance).toBeCloseTo((0.5 * 2 * (2 * n - 1)) / (n * (n + 1)), 10);
    }
  });

  it.each([1, 2, 5])('begins as a filter that knew nothing of the velocity does, after %d steps', (steps) => {
    const [a, step, first, second] = [0.7, 0.5, 0.3, 0.2];
    const filter = createVelocityFilter({ accelerationVariance: a, stepSeconds: step });
    filter(inputsOf([0], [first]), 0);
    for (let silent = 1; silent < steps; silent += 1) {
      expect(filter([], 0)).toMatchObject({ value: null, variance: null });
    }
    filter(inputsOf([1], [second]), 0);
    const { variance } = filter([], 0);
    expect(variance).toBeCloseTo(predictFromIgnorance({ a, step, first, second, steps }), 3);
  });
});

/** The variance one step after the second measurement, by the filter's matrices, begun with a vast variance of velocity. */
function predictFromIgnorance(
  options: Readonly<Record<'a' | 'step' | 'first' | 'second' | 'steps', number>>,
) {
  const { a, step, first, second, steps } = options;
  let [p, c, v] = [first, 0, 1e7];
  const predict = () => {
    p += 2 * step * c + step ** 2 * v + (a * step ** 4) / 4;
    c += step * v + (a * step ** 3) / 2;
    v += a * step ** 2;
  };
  for (let count = 0; count < steps; count += 1) predict();
  const innovation = p + second;
  [p, c, v] = [p - p ** 2 / innovation, c - (p * c) / innovation, v - c ** 2 / innovation];
  predict();
  return p;
}

describe('counting once', () => {
  it('withholds a value that rests on a reading which was taken before', () => {
    const seen: number[][] = [];
    const step = countOnce((inputs) => {
      seen.push(inputs.map(({ value }) => value));
      return { value: 0, variance: 1, used: inputs, refused: [] };
    });
    const at = (sourceAtMs: number, value: number, deviceId = 'd') => ({
      ...{ deviceId, value, sourceAtMs },
      variance: 1,
    });
    step([at(10, 1)], 11);
    const second = step([at(10, 1), at(5, 2, 'e')], 11);
    step([at(11, 3), at(5, 2, 'e')], 11);
    expect(seen).toEqual([[1], [2], [3]]);
    expect(second.refused).toEqual([{ deviceId: 'd', value: 1, reason: 'REPEATED' }]);
  });
});
