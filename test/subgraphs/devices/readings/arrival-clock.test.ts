import { describe, expect, it } from '@jest/globals';
import { createArrivalClock } from '../../../../subgraphs/devices/readings/arrival-clock.js';

describe('the arrival clock', () => {
  it('never tells an instant twice, also when the wall clock stands still or goes back a little', () => {
    const times = [5, 5, 4, 4, 6];
    const clock = createArrivalClock(() => times.shift() ?? 7);
    expect([clock(), clock(), clock(), clock(), clock()]).toEqual([5_000, 5_001, 5_002, 5_003, 6_000]);
  });

  it('follows the wall clock when it is set back by more than five seconds', () => {
    const times = [3_600_000, 3_595_000, 0, 0, 1];
    const clock = createArrivalClock(() => times.shift() ?? NaN);
    expect([clock(), clock(), clock(), clock(), clock()]).toEqual([
      3_600_000_000, 3_600_000_001, 0, 1, 1_000,
    ]);
  });

  it('tells whole microseconds that are close to the wall clock', () => {
    const at = createArrivalClock()();
    expect(Number.isSafeInteger(at)).toBe(true);
    expect(Math.abs(at / 1_000 - Date.now())).toBeLessThan(1_000);
  });
});
