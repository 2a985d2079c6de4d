import { describe, expect, it } from '@jest/globals';
import { createLatestOnly } from '../../../gateway/registration/latest-only.js';
import { createSerialQueue } from '../../../gateway/registration/serial-queue.js';

describe('work of which the latest alone counts', () => {
  it('is done once for all that came while it waited, and again for what came later', async () => {
    const done: number[] = [];
    const inTurn = createSerialQueue(1);
    const ask = createLatestOnly<number>(inTurn, (latest) => {
      done.push(latest);
      return Promise.resolve();
    });
    await Promise.all([ask(1), ask(2), ask(3)]);
    expect(done).toEqual([3]);
    await ask(4);
    expect(done).toEqual([3, 4]);
  });

  it('fails for all who asked, and can be asked for again, also when it got no turn', async () => {
    let fails = true;
    const inTurn = createSerialQueue(1);
    const ask = createLatestOnly<number>(inTurn, () =>
      fails ? Promise.reject(new Error('it failed')) : Promise.resolve(),
    );
    const both = await Promise.allSettled([ask(1), ask(2)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    fails = false;
    const other = inTurn(() => Promise.resolve());
    await expect(ask(3)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await other;
    await expect(ask(4)).resolves.toBeUndefined();
  });
});

describe('a serial queue', () => {
  it('lets in what has a place reserved, which takes no place from others', async () => {
    const inTurn = createSerialQueue(1);
    const order: string[] = [];
    const work = (name: string) => () => Promise.resolve(order.push(name));
    const reserved = inTurn(work('reserved'), { reserved: true });
    const first = inTurn(work('first'));
    await expect(inTurn(work('second'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await inTurn(work('reserved too'), { reserved: true });
    await Promise.all([reserved, first]);
    expect(order).toEqual(['reserved', 'first', 'reserved too']);
  });
});
