import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createExpiryClock, type ExpiryClock } from '../../../gateway/subscriptions/expiry-clock.js';

let clock: ExpiryClock;
let told: string[];

beforeEach(() => {
  jest.useFakeTimers({ now: 1_000_000 });
  clock = createExpiryClock(() => Date.now());
  told = [];
});
afterEach(() => {
  clock.close();
  jest.useRealTimers();
});

const watch = (afterMs: number, name: string) =>
  clock.watch(Date.now() + afterMs, () => {
    told.push(name);
  });

describe('the clock of what expires', () => {
  it('tells each once, in the order of their ends and never early, by one timer', () => {
    watch(5_000, 'later');
    watch(1_000, 'sooner');
    watch(1_000, 'as soon');
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(999);
    expect(told).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(told).toEqual(['sooner', 'as soon']);
    jest.advanceTimersByTime(60_000);
    expect(told).toEqual(['sooner', 'as soon', 'later']);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('tells soon of what has expired already, and not before it returns', () => {
    watch(-10_000, 'past');
    expect(told).toEqual([]);
    jest.advanceTimersByTime(0);
    expect(told).toEqual(['past']);
  });

  it('tells nothing of what was taken back, though another ends at the same time', () => {
    const cancel = watch(1_000, 'taken back');
    watch(1_000, 'stays');
    cancel();
    cancel();
    jest.advanceTimersByTime(2_000);
    expect(told).toEqual(['stays']);
  });

  it('waits longer than timers can', () => {
    const years = 3 * 365 * 24 * 3_600_000;
    watch(years, 'after years');
    jest.advanceTimersByTime(years - 1);
    expect(told).toEqual([]);
    jest.advanceTimersByTime(1_000);
    expect(told).toEqual(['after years']);
  });

  it('takes more while it tells', () => {
    clock.watch(Date.now() + 1_000, () => {
      watch(1_000, 'second');
    });
    jest.advanceTimersByTime(1_000);
    jest.advanceTimersByTime(1_000);
    expect(told).toEqual(['second']);
  });
});
