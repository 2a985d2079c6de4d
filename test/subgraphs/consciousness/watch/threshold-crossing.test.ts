import { describe, expect, it } from '@jest/globals';
import type { Threshold } from '../../../../subgraphs/consciousness/watch/threshold.js';
import { isCrossed } from '../../../../subgraphs/consciousness/watch/thresholds.js';

const limit = (options: Partial<Threshold>): Threshold => ({
  ...{ id: 'thr_1', metric: 'COHERENCE', direction: 'ABOVE', value: 0.8, hysteresis: 0.1 },
  ...{ crossed: false, changedAt: new Date(0) },
  ...options,
});

/** On which side a number is told to be, as it moves. */
function follow(options: Partial<Threshold>, values: readonly number[]): boolean[] {
  let crossed = false;
  return values.map((value) => (crossed = isCrossed(limit({ ...options, crossed }), value)));
}

describe('a limit', () => {
  it('is crossed above it, and left only when the number has come back by the hysteresis', () => {
    expect(follow({}, [0.5, 0.8, 0.81, 0.79, 0.71, 0.69, 0.79])).toEqual([
      ...[false, false, true, true, true, false, false],
    ]);
  });

  it('is crossed below it in the other direction', () => {
    expect(follow({ direction: 'BELOW', value: 0.2 }, [0.5, 0.19, 0.25, 0.31])).toEqual([
      ...[false, true, true, false],
    ]);
  });

  it('without hysteresis is left where it was crossed', () => {
    expect(follow({ hysteresis: 0 }, [0.81, 0.79])).toEqual([true, false]);
  });
});
