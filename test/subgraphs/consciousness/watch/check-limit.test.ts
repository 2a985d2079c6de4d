import { describe, expect, it } from '@jest/globals';
import { checkLimit, type GivenLimit } from '../../../../subgraphs/consciousness/watch/check-limit.js';
import { isCrossed } from '../../../../subgraphs/consciousness/watch/thresholds.js';

const check = (limit: Partial<GivenLimit>) =>
  checkLimit({ metric: 'COHERENCE', direction: 'ABOVE', value: 0.5, ...limit });

describe('a limit', () => {
  it.each([
    [{ value: 7 }, 'expected a limit of 0 to below 1, as COHERENCE lies between 0 and 1, got 7.'],
    [{ value: 1 }, 'expected a limit of 0 to below 1, as COHERENCE lies between 0 and 1, got 1.'],
    [{ value: -0.1 }, 'expected a limit of 0 to below 1, as COHERENCE lies between 0 and 1, got -0.1.'],
    [
      { metric: 'SYSTEM_HEALTH', direction: 'BELOW', value: 0 },
      'expected a limit of above 0 to 1, as SYSTEM_HEALTH lies between 0 and 1, got 0.',
    ],
    [
      { metric: 'PHI', value: 65 },
      'expected a limit of -64 to below 64, as PHI lies between -64 and 64, got 65.',
    ],
    [{ value: NaN }, 'expected a limit of 0 to below 1, as COHERENCE lies between 0 and 1, got NaN.'],
  ] as const)('that the number cannot cross is refused: %j', (limit, message) => {
    expect(check(limit)).toEqual({ code: 'BAD_USER_INPUT', message, path: ['value'] });
  });

  it.each([
    [{ hysteresis: 99 }, 'expected 0 to 0.5, as COHERENCE cannot come back further behind 0.5, got 99.'],
    [{ hysteresis: -1 }, 'expected 0 to 0.5, as COHERENCE cannot come back further behind 0.5, got -1.'],
    [
      { direction: 'BELOW', value: 0.9, hysteresis: 0.2 },
      'expected 0 to 0.1, as COHERENCE cannot come back further behind 0.9, got 0.2.',
    ],
    [
      { metric: 'PHI', value: 2, hysteresis: 67 },
      'expected 0 to 66, as PHI cannot come back further behind 2, got 67.',
    ],
  ] as const)('that could never be left is refused: %j', (limit, message) => {
    expect(check(limit)).toEqual({ code: 'BAD_USER_INPUT', message, path: ['hysteresis'] });
  });

  it('below 0 is one that Φ can have', () => {
    expect(check({ metric: 'PHI', direction: 'BELOW', value: -1 })).toEqual({ hysteresis: 0.05 });
  });

  it.each([
    [0.5, 0.05],
    [0.96, 0.02],
    [1, 0],
  ])('below %d has a hysteresis of %d when none is given', (value, hysteresis) => {
    expect(check({ direction: 'BELOW', value })).toEqual({ hysteresis: expect.closeTo(hysteresis, 12) });
  });

  it.each([0.1, 0.3, 0.7, 0.9])('of %d that is left only at the end of the range is left there', (value) => {
    const hysteresis = Number((1 - value).toFixed(1));
    const checked = check({ direction: 'BELOW', value, hysteresis });
    if ('code' in checked) throw new Error(checked.message);
    const limit = { id: 'thr_1', metric: 'COHERENCE', direction: 'BELOW', value, ...checked } as const;
    expect(isCrossed({ ...limit, crossed: true, changedAt: new Date(0) }, 1)).toBe(false);
  });
});
