import { describe, expect, it } from '@jest/globals';
import { createMajority } from '../../../../subgraphs/devices/fusion/majority.js';
import { createMedian } from '../../../../subgraphs/devices/fusion/median.js';
import { fuseByInverseVariance } from '../../../../subgraphs/devices/fusion/inverse-variance.js';
import { inputsOf } from './support/inputs.js';

const idsOf = (inputs: readonly { readonly deviceId: string }[]) => inputs.map(({ deviceId }) => deviceId);
const NOTHING = { value: null, variance: null, used: [], refused: [] };

describe('inverse variance', () => {
  it('fuses two sensors by the closed form of their variances', () => {
    // x = (σ₂²·x₁ + σ₁²·x₂) / (σ₁² + σ₂²), σ² = σ₁²σ₂² / (σ₁² + σ₂²): Maybeck, Stochastic Models, Estimation, and
    // Control 1 (1979), §1.5.
    const [x1, x2, v1, v2] = [20.4, 21.2, 0.04, 0.12];
    const { value, variance } = fuseByInverseVariance(inputsOf([x1, x2], [v1, v2]));
    expect(value).toBeCloseTo((v2 * x1 + v1 * x2) / (v1 + v2), 12);
    expect(value).toBeCloseTo(20.6, 12);
    expect(variance).toBeCloseTo((v1 * v2) / (v1 + v2), 12);
    expect(variance).toBeCloseTo(0.03, 12);
  });

  it('is the mean of equally exact sensors, with an nth of their variance', () => {
    expect(fuseByInverseVariance(inputsOf([1, 2, 6], [0.3, 0.3, 0.3]))).toMatchObject({
      value: 3,
      variance: expect.closeTo(0.1, 12),
    });
  });

  it('holds for the smallest and the largest variances and values there can be', () => {
    const { value, variance } = fuseByInverseVariance(inputsOf([1e308, 1e308], [1e-100, 1e100]));
    expect([value, variance]).toEqual([1e308, 1e-100]);
  });

  it('gives nothing for nothing', () => {
    expect(fuseByInverseVariance([])).toEqual(NOTHING);
  });
});

describe('the median without outliers', () => {
  // The data and both numbers: Leys, Ley, Klein, Bernard, Licata (2013): median 7, MAD 1.4826 · 3.5 ≈ 5.19, and with
  // a threshold of 3 the range −8.57 to 22.57.
  const PUBLISHED = [1, 3, 3, 6, 8, 10, 10, 1000];

  it('finds the outlier of the published example', () => {
    const { value, used, refused } = createMedian({ threshold: 3 })(inputsOf(PUBLISHED));
    expect(refused).toEqual([{ deviceId: 'd7', value: 1000, reason: 'OUTLIER' }]);
    expect(idsOf(used)).toEqual(['d0', 'd1', 'd2', 'd3', 'd4', 'd5', 'd6']);
    expect(value).toBe(6);
  });

  it('draws the line where the published example has it', () => {
    const refusedOf = (last: number) =>
      createMedian({ threshold: 3 })(inputsOf([...PUBLISHED.slice(0, -1), last])).refused.length;
    expect(refusedOf(7 + 3 * 5.189)).toBe(0);
    expect(refusedOf(7 + 3 * 5.1892)).toBe(1);
  });

  it('takes what differs for an outlier where most are equal', () => {
    const { value, refused } = createMedian({ threshold: 3 })(inputsOf([20, 20, 20.1]));
    expect(value).toBe(20);
    expect(idsOf(refused)).toEqual(['d2']);
  });

  it('is the mean of two, neither being an outlier, with the variance of a mean', () => {
    const two = createMedian({ threshold: 1 })(inputsOf([1, 100], [2, 4]));
    expect(two).toMatchObject({ value: 50.5, variance: 1.5, refused: [] });
    expect(createMedian({ threshold: 1 })(inputsOf([7], [3]))).toMatchObject({ value: 7, variance: 3 });
  });

  it('has π/2 times the variance of the mean for many equally exact devices', () => {
    // The asymptotic efficiency of the median of normal values is 2/π: Serfling (1980), §2.3.
    const hundred = inputsOf(
      Array.from({ length: 100 }, (_, index) => index),
      Array.from({ length: 100 }, () => 4),
    );
    expect(createMedian({ threshold: 3 })(hundred).variance).toBeCloseTo(((Math.PI / 2) * 4) / 100, 12);
  });

  it('gives nothing for nothing', () => {
    expect(createMedian({ threshold: 3 })([])).toEqual(NOTHING);
  });
});

describe('the majority', () => {
  it('takes the state with the most votes and refuses the others', () => {
    const { value, variance, used, refused } = createMajority({ resolution: 1 })(
      inputsOf([1, 0.8, 0, 1.2, 3]),
    );
    expect(value).toBe(1);
    expect(idsOf(used)).toEqual(['d0', 'd1', 'd3']);
    expect(refused).toEqual([
      { deviceId: 'd2', value: 0, reason: 'OUTVOTED' },
      { deviceId: 'd4', value: 3, reason: 'OUTVOTED' },
    ]);
    expect(variance).toBe((0 + 0 + 1 + 0 + 4) / 5);
  });

  it('has no variance when all agree, and one zero', () => {
    expect(createMajority({ resolution: 1 })(inputsOf([-0.2, 0.2, 0]))).toMatchObject({
      value: 0,
      variance: 0,
      refused: [],
    });
  });

  it('decides nothing when several states share the lead', () => {
    const { value, variance, used, refused } = createMajority({ resolution: 1 })(inputsOf([1, 1, 0, 0, 5]));
    expect([value, variance, used]).toEqual([null, null, []]);
    expect(refused).toHaveLength(5);
  });

  it('rounds to multiples of the resolution without leftovers', () => {
    expect(createMajority({ resolution: 0.1 })(inputsOf([0.31, 0.29])).value).toBe(0.3);
  });

  it('gives nothing for nothing', () => {
    expect(createMajority({ resolution: 1 })([])).toEqual(NOTHING);
  });
});
