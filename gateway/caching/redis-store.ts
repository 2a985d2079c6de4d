import type { ChainableCommander, Redis } from 'ioredis';
import { z } from 'zod';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { expiryOf, type CacheEntry, type CacheStore } from './cache-store.js';
import type { RedisConnection } from './redis-connection.js';

export interface RedisStoreOptions {
  readonly connection: RedisConnection;
  /** A clock in milliseconds since 1970. */
  readonly now: () => number;
}

/** How many entries may be on their way to Redis; beyond them, new ones are not kept. */
const MAX_WRITING = 10_000;
/** How many entries are removed at a time. */
const BATCH = 1_000;
const head = z.object({
  storedAt: z.number(),
  freshUntil: z.number(),
  revalidateUntil: z.number(),
  errorUntil: z.number(),
  scope: z.enum(['public', 'private']),
  labels: z.array(z.string()),
  tags: z.array(z.string()),
});

/**
 * Keeps entries in Redis (7.0 or later, or Valkey; one server, no cluster), where all gateways find them. An entry is a
 * string: a line of JSON about it, and its value behind. A label is a sorted set of keys, by when their entries expire.
 */
export function createRedisStore({ connection, now }: RedisStoreOptions): CacheStore {
  let writing = 0;
  return {
    async getMany(keys) {
      if (keys.length === 0) return [];
      try {
        const texts = await connection.run((client) => client.mget(keys.map((key) => `c:${key}`)));
        return texts.map(parse);
      } catch {
        return keys.map(() => undefined);
      }
    },
    setMany(entries) {
      if (writing + entries.size > MAX_WRITING) return;
      writing += entries.size;
      void connection
        .run((client) => write(client, entries, now()))
        .catch(() => undefined)
        .finally(() => {
          writing -= entries.size;
        });
    },
    async removeLabelled(labels) {
      const [only, ...others] = labels;
      if (only === undefined) return 0;
      try {
        return await connection.run((client) =>
          others.length === 0 ? removeAll(client, only) : removeCommon(client, labels),
        );
      } catch (cause) {
        const message = 'the cache cannot be reached, so not all was invalidated that should be. Try again.';
        throw new AegisError('UNAVAILABLE', message, { cause });
      }
    },
    close() {
      connection.close();
      return Promise.resolve();
    },
  };
}

async function write(client: Redis, entries: ReadonlyMap<string, CacheEntry>, at: number): Promise<void> {
  const pipeline = client.pipeline();
  const members = new Map<string, LabelMembers>();
  for (const [key, entry] of entries) {
    const until = expiryOf(entry);
    if (until <= at) continue;
    pipeline.set(`c:${key}`, serialise(entry), 'PX', Math.ceil(until - at));
    for (const label of entry.labels) {
      const known = members.get(label) ?? { until: 0, scored: [] };
      known.until = Math.max(known.until, until);
      known.scored.push(String(until), key);
      members.set(label, known);
    }
  }
  for (const [label, added] of members) addMembers(pipeline, `l:${label}`, added, at);
  const results = await pipeline.exec();
  const [failure] = results?.find(([error]) => error !== null) ?? [];
  if (failure) throw failure;
}

interface LabelMembers {
  until: number;
  /** Scores and keys in turn. */
  readonly scored: string[];
}

async function remove(client: Redis, keys: readonly string[]): Promise<number> {
  return keys.length === 0 ? 0 : client.unlink(...keys.map((key) => `c:${key}`));
}

async function removeAll(client: Redis, label: string): Promise<number> {
  let removed = 0;
  for (;;) {
    const keys = await client.zrange(`l:${label}`, '0', String(BATCH - 1));
    if (keys.length === 0) return removed;
    removed += await remove(client, keys);
    await client.zrem(`l:${label}`, ...keys);
  }
}

async function removeCommon(client: Redis, labels: readonly string[]): Promise<number> {
  const keys = await client.zinter(labels.length, ...labels.map((label) => `l:${label}`));
  let removed = 0;
  for (let from = 0; from < keys.length; from += BATCH)
    removed += await remove(client, keys.slice(from, from + BATCH));
  return removed;
}

/** Adds keys to a label, takes out those whose entries have expired, and keeps the label as long as the last entry. */
function addMembers(
  pipeline: ChainableCommander,
  label: string,
  { until, scored }: LabelMembers,
  at: number,
): void {
  const lifeMs = Math.ceil(until - at);
  pipeline.zadd(label, ...scored);
  pipeline.zremrangebyscore(label, '-inf', at);
  pipeline.pexpire(label, lifeMs, 'NX');
  pipeline.pexpire(label, lifeMs, 'GT');
}

function serialise({ value, ...about }: CacheEntry): string {
  return `${JSON.stringify(about)}\n${value}`;
}

/** Reads an entry; undefined when there is none, or one of another version. */
function parse(text: string | null): CacheEntry | undefined {
  const end = text?.indexOf('\n') ?? -1;
  if (text === null || end < 0) return undefined;
  try {
    const about = head.safeParse(JSON.parse(text.slice(0, end)));
    return about.success ? { ...about.data, value: text.slice(end + 1) } : undefined;
  } catch {
    return undefined;
  }
}
