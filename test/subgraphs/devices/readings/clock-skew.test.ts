import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  observeClock,
  skewOf,
  type ClockEstimate,
} from '../../../../subgraphs/devices/readings/clocks/clock-skew.js';

const MINUTE_MS = 60_000;

/** Messages a second apart, each with its delay, of a device whose clock is ahead by so much. */
function estimate(aheadMs: number, delaysMs: readonly number[], everyMs = 1_000): ClockEstimate {
  let known: ClockEstimate | undefined;
  for (const [index, delayMs] of delaysMs.entries()) {
    const arrivedAtMs = 1_000_000 + index * everyMs;
    known = observeClock(known, { arrivedAtMs, measuredAtMs: arrivedAtMs - delayMs + aheadMs });
  }
  if (!known) throw new Error('there was no message');
  return known;
}

describe('the skew of a clock', () => {
  it('is how far the device is ahead, less the least delay', () => {
    expect(skewOf(estimate(5_000, [300, 20, 150]))).toBe(4_980);
    expect(skewOf(estimate(-3_600_000, [20]))).toBe(-3_600_020);
  });

  it('does not follow values that were kept back for hours', () => {
    const delays = Array.from({ length: 300 }, (_, index) => (index % 10 === 9 ? 15 : 4 * 3_600_000));
    expect(skewOf(estimate(0, delays))).toBe(-15);
  });

  it('does not follow single stamps that are wrong', () => {
    const delays = Array.from({ length: 360 }, (_, index) => (index === 130 ? -250_000 : 12));
    expect(skewOf(estimate(0, delays))).toBe(-12);
  });

  it('follows a clock that was set, within three minutes in which it is heard', () => {
    const before = Array.from({ length: 300 }, () => 10);
    const after = Array.from({ length: 181 }, () => 10 + 90_000);
    expect(skewOf(estimate(0, [...before, ...after]))).toBe(-90_010);
  });

  it('keeps a bounded memory, however long it hears', () => {
    expect(
      estimate(
        0,
        Array.from({ length: 5_000 }, () => 1),
        MINUTE_MS,
      ).leasts.length,
    ).toBeLessThan(5);
  });

  it('is right to the least delay for any delays that are the same in every minute', () => {
    const delays = fc.array(fc.integer({ min: 0, max: 100_000 }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(delays, fc.integer({ min: -1e9, max: 1e9 }), (delaysMs, aheadMs) => {
        const skew = skewOf(estimate(aheadMs, delaysMs));
        expect(skew).toBe(aheadMs - Math.min(...delaysMs));
      }),
    );
  });
});
