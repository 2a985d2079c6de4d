import { describe, expect, it } from '@jest/globals';
import { createTicker, systemClock } from '../../../subgraphs/consciousness/ticker.js';
import { createManualClock } from './support/manual-clock.js';
import { until } from './support/until.js';

const START = new Date('2026-01-31T12:00:00.250Z');

function open(onTick?: (at: Date) => Promise<void>) {
  const clock = createManualClock(START);
  const ticks: string[] = [];
  const errors: unknown[] = [];
  const ticker = createTicker({
    clock,
    periodMs: 1_000,
    onTick: async (at) => {
      ticks.push(at.toISOString().slice(17, 23));
      await onTick?.(at);
    },
    onError: (error) => errors.push(error),
  });
  return { clock, ticks, errors, ticker };
}

describe('a ticker', () => {
  it('tells whole multiples of the period, however late it is called', async () => {
    const { clock, ticks, ticker } = open();
    await ticker.start();
    for (const ms of [750, 1_003, 999, 1_400, 600]) await clock.advance(ms);
    expect(ticks).toEqual(['01.000', '02.000', '03.000', '04.000', '05.000']);
  });

  it('skips the instants that pass while one is being worked on', async () => {
    let finish: (() => void) | undefined;
    const { clock, ticks, ticker } = open(
      (at) =>
        new Promise((resolve) => {
          if (at.getTime() > START.getTime() + 1_000) resolve();
          else finish = resolve;
        }),
    );
    await ticker.start();
    const busy = clock.advance(750);
    clock.set(new Date(START.getTime() + 3_500));
    finish?.();
    await busy;
    await clock.advance(1_000);
    expect(ticks).toEqual(['01.000', '04.000']);
  });

  it('goes on after a failure', async () => {
    const { clock, ticks, errors, ticker } = open(() => Promise.reject(new Error('no')));
    await ticker.start();
    await clock.advance(1_000);
    await clock.advance(1_000);
    expect(ticks).toHaveLength(2);
    expect(errors).toHaveLength(2);
  });

  it('goes on when the clock is set back, by the new time', async () => {
    const { clock, ticks, ticker } = open();
    await ticker.start();
    await clock.advance(750);
    clock.set(new Date(START.getTime() - 3_600_000));
    await clock.advance(1_000);
    await clock.advance(750);
    await clock.advance(1_000);
    expect(ticks).toEqual(['01.000', '02.000', '03.000']);
  });

  it('tells nothing after it was closed, and closes only when the instant in hand is done', async () => {
    let finish: (() => void) | undefined;
    let done = false;
    const { clock, ticks, ticker } = open(async () => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      done = true;
    });
    await ticker.start();
    clock.move(750);
    const closed = ticker.close().then(() => done);
    finish?.();
    expect(await closed).toBe(true);
    expect(clock.waiting).toBe(0);
    clock.move(10_000);
    expect(ticks).toHaveLength(1);
  });

  it('runs on the clock of the machine', async () => {
    const ticks: Date[] = [];
    const ticker = createTicker({
      clock: systemClock,
      periodMs: 10,
      onTick: (at) => {
        ticks.push(at);
        return Promise.resolve();
      },
      onError: () => undefined,
    });
    await ticker.start();
    await until(() => ticks.length >= 3);
    await ticker.close();
    expect(ticks.every((at) => at.getTime() % 10 === 0 && at.getTime() <= Date.now())).toBe(true);
    expect(new Set(ticks.map(Number)).size).toBe(ticks.length);
  });
});
