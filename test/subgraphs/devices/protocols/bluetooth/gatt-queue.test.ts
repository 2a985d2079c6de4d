import { describe, expect, it } from '@jest/globals';
import { AegisError } from '../../../../../kernel/errors/aegis-error.js';
import { createGattQueue } from '../../../../../subgraphs/devices/protocols/bluetooth/gatt-queue.js';

const later = () => new AegisError('UNAVAILABLE', 'later.');

/** A queue whose attempts fail as the test says, one error each, until none is left. */
function open(errors: Error[], capacity = 10) {
  const stored: number[] = [];
  const lost: string[] = [];
  let attempts = 0;
  const ending = new AbortController();
  const queue = createGattQueue({
    async take(bytes) {
      attempts += 1;
      const error = errors.shift();
      if (error) throw error;
      stored.push(bytes[0] ?? -1);
    },
    onLost: (cause) => lost.push(cause),
    onStored: () => undefined,
    ...{ signal: ending.signal, capacity, retryMs: 1 },
  });
  const add = (...values: number[]) => {
    for (const value of values) queue.add(Buffer.from([value]));
    return queue.drained();
  };
  return { add, stored, lost, ending, attempts: () => attempts };
}

describe('what a device tells', () => {
  it('is tried again while it may be stored later, in its order', async () => {
    const { add, stored, lost } = open([later(), later()]);
    await add(1, 2, 3);
    expect({ stored, lost }).toEqual({ stored: [1, 2, 3], lost: [] });
  });

  it('is lost after five attempts, and what follows is stored', async () => {
    const { add, stored, lost, attempts } = open([later(), later(), later(), later(), later()]);
    await add(1, 2);
    expect({ stored, lost, attempts: attempts() }).toEqual({ stored: [2], lost: ['failed'], attempts: 6 });
  });

  it('is lost at once where nothing says that it may be stored later', async () => {
    const { add, lost, attempts } = open([new Error('broken')]);
    await add(1);
    expect({ lost, attempts: attempts() }).toEqual({ lost: ['failed'], attempts: 1 });
  });

  it('is lost where too many wait', async () => {
    const { add, stored, lost } = open([], 2);
    await add(1, 2, 3);
    expect({ stored, lost }).toEqual({ stored: [1, 2], lost: ['full'] });
  });

  it('is not tried again once it ends', async () => {
    const { add, lost, ending, attempts } = open([later(), later()]);
    ending.abort();
    await add(1);
    expect({ lost, attempts: attempts() }).toEqual({ lost: ['failed'], attempts: 1 });
  });
});
