import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { createRedisConnection } from '../../gateway/caching/redis-connection.js';
import { createRedisStore } from '../../gateway/caching/redis-store.js';
import type { CacheStore } from '../../gateway/caching/cache-store.js';
import { CircuitBreaker } from '../../gateway/transports/circuit-breaker.js';
import { serveApolloSubgraph } from '../support/apollo-subgraph.js';
import { cacheEntry, describeStore } from '../support/cache-store-contract.js';
import { openCachingGateway } from '../support/caching-gateway.js';
import { describeWith } from '../support/describe-with.js';
import { startRedisServer, type RedisServer } from '../support/redis-server.js';
import { waitFor } from '../support/wait-for.js';

describeWith({ programs: ['redis-server'] }, 'a cache in Redis', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedisServer();
  });
  afterAll(() => redis.close());

  function open(log: string[] = []): CacheStore {
    const breaker = new CircuitBreaker({
      failurePercent: 50,
      minimumCalls: 3,
      windowMs: 2_000,
      openMs: 200,
      now: () => performance.now(),
      onState: () => undefined,
    });
    const logger = pino({ level: 'info' }, { write: (line: string) => log.push(line) });
    return createRedisStore({
      connection: createRedisConnection({ url: redis.url, timeoutMs: 200, breaker, logger }),
      now: Date.now,
    });
  }

  async function empty(): Promise<void> {
    const client = new Redis(redis.url, { disconnectTimeout: 50 });
    await client.flushall();
    client.disconnect();
  }

  describe('as a store', () => {
    describeStore(async () => {
      await empty();
      return open();
    });
  });

  it('keeps nothing for ever: neither entries nor their labels', async () => {
    await empty();
    const store = open();
    store.setMany(new Map([['one', cacheEntry('1', { labels: ['a'] })]]));
    await waitFor('it is kept', async () => (await store.getMany(['one']))[0]);
    const client = new Redis(redis.url, { disconnectTimeout: 50 });
    for (const key of ['aegis:c:one', 'aegis:l:a']) expect(await client.pttl(key)).toBeGreaterThan(50_000);
    client.disconnect();
    await store.close();
  });

  it('is shared by gateways, and an invalidation by one is for all', async () => {
    await empty();
    const shop = await serveApolloSubgraph('shop', {
      typeDefs: 'type Query { note: String @cacheControl(maxAge: 60) }',
      resolvers: { Query: { note: () => 'fine' } },
    });
    const gateways = [1, 2].map(() => openCachingGateway([shop], { openStore: () => open() }));
    const [one, other] = gateways;
    expect(await one?.run('{ note }')).toEqual({ data: { note: 'fine' } });
    await waitFor('the other finds it', async () => {
      const before = shop.requests.length;
      await other?.run('{ note }');
      return shop.requests.length === before;
    });
    const before = shop.requests.length;
    expect(await other?.caching.invalidation.invalidate({ kind: 'type', type: 'Query' })).toEqual({
      removed: 1,
    });
    await one?.run('{ note }');
    expect(shop.requests).toHaveLength(before + 1);
    for (const gateway of gateways) await gateway.close();
    await shop.close();
  });

  it('that hangs or is down is a miss within its time, which the log says once, and comes back', async () => {
    const log: string[] = [];
    const store = open(log);
    await waitFor('it is reached', async () => {
      store.setMany(new Map([['one', cacheEntry('1')]]));
      return (await store.getMany(['one']))[0];
    });

    await redis.hang(1_500);
    const begunAt = performance.now();
    for (let number = 0; number < 6; number += 1) expect(await store.getMany(['one'])).toEqual([undefined]);
    expect(performance.now() - begunAt).toBeLessThan(1_200);
    await waitFor('it answers again', async () => (await store.getMany(['one']))[0]);

    await redis.stop();
    for (let number = 0; number < 50; number += 1) expect(await store.getMany(['one'])).toEqual([undefined]);
    store.setMany(new Map([['two', cacheEntry('2')]]));
    await expect(store.removeLabelled(['a'])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await redis.start();
    await waitFor('it answers again', async () => {
      store.setMany(new Map([['three', cacheEntry('3')]]));
      return (await store.getMany(['three']))[0];
    });
    const said = log.map((line) => (JSON.parse(line) as { msg: string }).msg);
    expect(said).toEqual([
      expect.stringContaining('cannot be reached'),
      'Redis answers again',
      expect.stringContaining('cannot be reached'),
      'Redis answers again',
    ]);
    await store.close();
  });
});
