import { Redis } from 'ioredis';
import { untilAborted } from '../../kernel/lifecycle/until-aborted.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import type { CircuitBreaker } from '../transports/circuit-breaker.js';

export interface RedisConnectionOptions {
  /** Such as `redis://user:password@host:6379/0`, or `rediss://` for TLS. */
  readonly url: string;
  /** How long Redis is waited for, in milliseconds. */
  readonly timeoutMs: number;
  /** Leaves Redis alone while it fails. */
  readonly breaker: CircuitBreaker;
  readonly logger: Logger;
}

/** A connection that is made when it is first needed, and again whenever it is lost. */
export interface RedisConnection {
  /** Does something with Redis, if it is not to be left alone now. Errors: what it fails with. */
  run<T>(work: (client: Redis) => Promise<T>): Promise<T>;
  close(): void;
}

const PREFIX = 'aegis:';
const LONGEST_RECONNECT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** How long a socket may take to close before it is cut. */
const DISCONNECT_TIMEOUT_MS = 100;

/** Makes a connection that does nothing yet. The log says once that Redis fails, and once that it answers again. */
export function createRedisConnection(options: RedisConnectionOptions): RedisConnection {
  const { url, timeoutMs, breaker, logger } = options;
  const client = new Redis(url, {
    keyPrefix: PREFIX,
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: timeoutMs,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    retryStrategy: (attempt) => Math.min(LONGEST_RECONNECT_MS, 50 * 2 ** Math.min(attempt, 10)),
  });
  let connected: Promise<void> | undefined;
  let failing = false;

  // Without a listener it would write to the console; the commands that fail tell the same.
  client.on('error', noteFailure);

  function noteFailure(error: unknown): void {
    if (!failing) logger.warn({ err: error }, 'Redis cannot be reached: nothing is kept until it can');
    failing = true;
  }

  function noteSuccess(): void {
    if (failing) logger.info('Redis answers again');
    failing = false;
  }

  return {
    async run(work) {
      const admission = breaker.enter();
      if (!('report' in admission)) throw new Error('Redis has failed too often, and is left alone');
      try {
        connected ??= client.connect();
        await untilAborted(connected, AbortSignal.timeout(timeoutMs)).catch(() => undefined);
        const result = await work(client);
        admission.report('success');
        noteSuccess();
        return result;
      } catch (error) {
        admission.report('failure');
        noteFailure(error);
        throw error;
      }
    },
    close() {
      client.disconnect();
    },
  };
}
