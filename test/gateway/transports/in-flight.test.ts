import { describe, expect, it } from '@jest/globals';
import { createInFlight } from '../../../gateway/transports/in-flight.js';

/** Work that ends when it is told to. */
function openWork() {
  let settle: (value: string) => void = () => undefined;
  let begun = 0;
  const signals: AbortSignal[] = [];
  return {
    begin: (signal: AbortSignal) => {
      begun += 1;
      signals.push(signal);
      return new Promise<string>((resolve) => {
        settle = resolve;
      });
    },
    settle: (value: string) => {
      settle(value);
    },
    begun: () => begun,
    signals,
  };
}

describe('in-flight work', () => {
  it('is begun once for all who wait for the same key, and anew after it has ended', async () => {
    const flights = createInFlight<string>();
    const work = openWork();
    const { signal } = new AbortController();
    const both = [flights.join('a', signal, work.begin), flights.join('a', signal, work.begin)];
    work.settle('first');
    expect(await Promise.all(both)).toEqual(['first', 'first']);
    const later = flights.join('a', signal, work.begin);
    work.settle('second');
    expect(await later).toBe('second');
    expect(work.begun()).toBe(2);
  });

  it('is begun for each key', async () => {
    const flights = createInFlight<string>();
    const { signal } = new AbortController();
    const answers = ['a', 'b'].map((key) => flights.join(key, signal, () => Promise.resolve(key)));
    expect(await Promise.all(answers)).toEqual(['a', 'b']);
  });

  it('goes on for the others when one leaves, and is broken off when the last one leaves', async () => {
    const flights = createInFlight<string>();
    const work = openWork();
    const [first, second] = [new AbortController(), new AbortController()];
    const left = flights.join('a', first.signal, work.begin);
    const stays = flights.join('a', second.signal, work.begin);
    first.abort();
    await expect(left).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(work.signals[0]?.aborted).toBe(false);
    second.abort();
    await expect(stays).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(work.signals[0]?.aborted).toBe(true);
  });

  it('is not shared with who comes after it was broken off', async () => {
    const flights = createInFlight<string>();
    const work = openWork();
    const leaving = new AbortController();
    const left = flights.join('a', leaving.signal, work.begin);
    leaving.abort();
    await expect(left).rejects.toMatchObject({ code: 'CANCELLED' });
    const next = flights.join('a', new AbortController().signal, () => Promise.resolve('fresh'));
    expect(await next).toBe('fresh');
  });

  it('tells its failure to all who wait', async () => {
    const flights = createInFlight<string>();
    const { signal } = new AbortController();
    const begin = () => Promise.reject(new Error('broken'));
    const outcomes = await Promise.allSettled([
      flights.join('a', signal, begin),
      flights.join('a', signal, begin),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});
