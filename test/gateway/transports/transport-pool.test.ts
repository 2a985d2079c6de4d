import { describe, expect, it } from '@jest/globals';
import { createTransportPool } from '../../../gateway/transports/transport-pool.js';
import type { Transport } from '../../../gateway/transports/transport.js';

function createCounted() {
  const open = new Set<string>();
  const log: string[] = [];
  const pool = createTransportPool(({ name, url }) => {
    if (url === 'bad') throw new Error('bad address');
    open.add(name + url);
    log.push(`open ${name}${url}`);
    return {
      close: () => {
        open.delete(name + url);
        return url === 'stuck' ? Promise.reject(new Error('stuck')) : Promise.resolve();
      },
    } as Transport;
  });
  return { pool, open, log };
}

const A = { name: 'a', url: '1' };
const B = { name: 'b', url: '1' };

describe('the pool of transports', () => {
  it('opens one for each subgraph and address, and closes it with its last user', async () => {
    const { pool, open, log } = createCounted();
    const first = pool.acquire([A, B]);
    const second = pool.acquire([A, { ...B, url: '2' }]);
    expect(first.byName.get('a')).toBe(second.byName.get('a'));
    expect(log).toEqual(['open a1', 'open b1', 'open b2']);
    await first.release();
    await first.release();
    expect([...open]).toEqual(['a1', 'b2']);
    await second.release();
    expect([...open]).toEqual([]);
  });

  it('has opened nothing when one of them cannot be', () => {
    const { pool, open } = createCounted();
    expect(() => pool.acquire([A, B, { name: 'c', url: 'bad' }])).toThrow('bad address');
    expect([...open]).toEqual([]);
  });

  it('is drained when all are given back, even those that do not close cleanly', async () => {
    const { pool } = createCounted();
    await pool.drained();
    const taken = pool.acquire([A, { name: 'c', url: 'stuck' }]);
    let drained = false;
    const draining = pool.drained().then(() => (drained = true));
    await new Promise(setImmediate);
    expect(drained).toBe(false);
    await taken.release();
    await draining;
  });
});
