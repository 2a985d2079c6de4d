import { setTimeout as sleep } from 'node:timers/promises';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import type { DeadLetters } from './dead-letters.js';
import type { EdgeMetrics } from './edge-metrics.js';
import type { HubClient, HubResult } from './hub-client.js';
import type { MessageLog } from './message-log.js';
import type { LogPage } from './segment-store.js';

/** How it stands with the hub. */
export type HubState =
  | { readonly state: 'CONNECTED'; readonly since: Date }
  | { readonly state: 'AWAY'; readonly since: Date; readonly reason: string };

/** Hands the log on to the hub, in order. */
export interface Forwarder {
  start(): void;
  hub(): HubState;
  /** Ends after what is under way, or at once when that takes long. */
  close(): Promise<void>;
}

export interface ForwarderDeps {
  readonly log: MessageLog;
  readonly hub: HubClient;
  readonly deadLetters: DeadLetters;
  readonly metrics: EdgeMetrics;
  readonly logger: Logger;
  /** Draws a number from 0 up to 1, for the jitter of pauses. */
  readonly random?: () => number;
  readonly firstPauseMs?: number;
  readonly maxPauseMs?: number;
}

type Entries = LogPage['messages'];

/** The most messages, and payload bytes, of one request. */
const MAX_BATCH = 500;
const MAX_BATCH_BYTES = 393_216;
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;
const CLOSE_GRACE_MS = 2_000;

/**
 * Makes the forwarder. What the hub took or will never take is passed; at the first message that it may take later the
 * forwarder stops, waits, and begins there again: messages behind it that were taken are then told as repeated.
 */
export function createForwarder(deps: ForwarderDeps): Forwarder {
  const { log, hub, logger, random = Math.random } = deps;
  const { firstPauseMs = FIRST_PAUSE_MS, maxPauseMs = MAX_PAUSE_MS } = deps;
  const stopping = new AbortController();
  const cutting = new AbortController();
  const standing = createStanding(deps);
  let batchSize = MAX_BATCH;
  let failures = 0;
  let running: Promise<void> = Promise.resolve();

  async function forwardBatch(entries: Entries): Promise<void> {
    try {
      const results = await hub.send(
        entries.map(({ message }) => message),
        cutting.signal,
      );
      const done = await settle(deps, entries, results);
      const later = results[done];
      if (later?.kind === 'later') throw new AegisError('UNAVAILABLE', later.reason);
      failures = 0;
      batchSize = Math.min(MAX_BATCH, batchSize * 2);
      standing.tell(undefined);
    } catch (error) {
      if (error instanceof AegisError && error.code === 'PAYLOAD_TOO_LARGE') {
        await halve(entries, error);
        return;
      }
      if (stopping.signal.aborted) return;
      standing.tell(error instanceof Error ? error.message : String(error));
      await pause();
    }
  }

  /** A request that is too large is sent in two; a message that is too large alone never goes through. */
  async function halve(entries: Entries, error: AegisError): Promise<void> {
    batchSize = Math.max(1, entries.length >> 1);
    if (entries.length > 1) return;
    await settle(deps, entries, [{ kind: 'refused', code: error.code, reason: error.message }]);
  }

  /** Full jitter: edges that lost one hub must not come back all at once. */
  async function pause(): Promise<void> {
    const limitMs = Math.min(maxPauseMs, firstPauseMs * 2 ** Math.min(failures, 16));
    failures += 1;
    await sleep(limitMs / 2 + (random() * limitMs) / 2, undefined, { signal: stopping.signal }).catch(
      () => undefined,
    );
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const { messages } = await log.read(batchSize, stopping.signal);
        if (messages.length > 0) await forwardBatch(takeBytes(messages));
      } catch (error) {
        logger.error({ err: error }, 'could not hand on the log; trying again');
        await pause();
      }
    }
  }

  return {
    start() {
      running = run();
    },
    hub: standing.state,
    async close() {
      stopping.abort();
      const timer = setTimeout(() => {
        cutting.abort();
      }, CLOSE_GRACE_MS);
      await running;
      clearTimeout(timer);
    },
  };
}

/** As many of the first messages as one request may have, at least one. */
function takeBytes(entries: Entries): Entries {
  let bytes = 0;
  const end = entries.findIndex(({ message }, index) => {
    bytes += message.payload.length;
    return index > 0 && bytes > MAX_BATCH_BYTES;
  });
  return end === -1 ? entries : entries.slice(0, end);
}

/** How it stands with the hub; told to the log when that changes, and not in between. */
function createStanding({ logger, metrics }: ForwarderDeps) {
  let state: HubState = { state: 'AWAY', since: new Date(), reason: 'it has not been asked yet' };
  return {
    state: () => state,
    /** @param reason why the hub takes nothing; undefined when it does. */
    tell(reason: string | undefined): void {
      if (reason === undefined && state.state === 'AWAY') {
        state = { state: 'CONNECTED', since: new Date() };
        logger.info('the hub takes messages');
      } else if (reason !== undefined && (state.state === 'CONNECTED' || state.reason !== reason)) {
        state = { state: 'AWAY', since: state.state === 'AWAY' ? state.since : new Date(), reason };
        logger.warn({ reason }, 'the hub does not take messages; they are kept until it does');
      }
      metrics.hubConnected.set(reason === undefined ? 1 : 0);
    },
  };
}

/** Passes what the hub took and keeps what it will never take. Out: how many entries, from the first, are done with. */
async function settle(
  { log, deadLetters, metrics, logger }: ForwarderDeps,
  entries: Entries,
  results: readonly HubResult[],
): Promise<number> {
  const open = results.findIndex(({ kind }) => kind === 'later');
  const done = open === -1 ? results.length : open;
  const refused = results.slice(0, done).flatMap((result, index) => {
    const message = entries[index]?.message;
    return result.kind === 'refused' && message ? [{ ...result, message }] : [];
  });
  if (refused.length > 0) {
    await deadLetters.keep(refused);
    metrics.refused.inc(refused.length);
    const { code, reason, message } = refused[0] ?? {};
    logger.error(
      { count: refused.length, code, reason, device: message?.device },
      'the hub will never take messages; they are kept as dead letters',
    );
  }
  const next = entries[done - 1]?.next;
  if (next) await log.forget(next);
  metrics.forwarded.inc(done - refused.length);
  return done;
}
