import { setImmediate, setTimeout } from 'node:timers/promises';
import { isTransientFailure } from '../../../kernel/database/transient-failure.js';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { withDeadline } from '../../../kernel/lifecycle/lifecycle.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import { MAX_READINGS_PER_COMMIT, type NewMessage } from './new-reading.js';
import type { QueueRoom } from './queue-room.js';
import type { CommitOutcome, CommitReadings } from './reading-commit.js';
import type { ReadingMetrics } from './reading-metrics.js';
import type { Conflict } from './sort-out-messages.js';

/** What a full queue does with one more message: answer RATE_LIMITED, or let it wait its turn. */
export type WhenFull = 'refuse' | 'wait';

/** What came of a message. Of one that is `stale` or in `conflict` nothing was stored. */
export type SubmitOutcome =
  /** `fresh`: how many of its readings are new; the others had been stored before, just as they are. */
  | { readonly kind: 'stored'; readonly fresh: number }
  /** It is to be looked at again: see {@link CommitOutcome.stale}. */
  | { readonly kind: 'stale' }
  /** Another value is stored at the instant of one of its readings. */
  | { readonly kind: 'conflict'; readonly conflict: Conflict };

/** Writes the readings of one workspace. */
export interface ReadingWriter {
  /**
   * Stores a message; the promise resolves once it is committed.
   *
   * Errors: RATE_LIMITED when the queue is full and `whenFull` is `refuse`; UNAVAILABLE when the commit failed for good
   * (then the message may or may not be stored: send it again) or the writer is closed.
   */
  submit(message: NewMessage, whenFull: WhenFull): Promise<SubmitOutcome>;
  /** Takes nothing more and waits until everything that was taken is committed or refused. */
  close(): Promise<void>;
}

export interface ReadingWriterDeps {
  readonly commit: CommitReadings;
  /** Tells whoever listens what was committed; called in the order of commit. */
  readonly announce: (outcome: CommitOutcome) => Promise<void>;
  /** The room of the queue, which the writers of all workspaces share. */
  readonly room: QueueRoom;
  readonly metrics: ReadingMetrics;
  readonly logger: Logger;
  /** The least time from the beginning of one commit to that of the next, in milliseconds. */
  readonly spacingMs?: number;
  /** How long to wait before each further attempt at a commit whose connection failed, in milliseconds. */
  readonly retryDelaysMs?: readonly number[];
  /** How long one attempt may take, in milliseconds. */
  readonly commitDeadlineMs?: number;
}

interface Submission {
  readonly message: NewMessage;
  readonly settle: (outcome: SubmitOutcome) => void;
  readonly refuse: (reason: Error) => void;
}

/** A statement costs about as much as a hundred readings in it: a short pause lets more of them share one. */
const SPACING_MS = 5;
const RETRY_DELAYS_MS = [50, 200, 500, 1_000, 2_000];
const COMMIT_DEADLINE_MS = 20_000;
const ANNOUNCE_DEADLINE_MS = 5_000;
const RETRY_AFTER_MS = 1_000;

/**
 * Commits in groups: while one commit runs, messages gather, and the next takes all of them in one statement. One commit
 * runs at a time, so what is announced is in the order of commit.
 */
export function createReadingWriter(deps: ReadingWriterDeps): ReadingWriter {
  const { room, spacingMs = SPACING_MS } = deps;
  const waiting: Submission[] = [];
  let closed = false;
  let pumping = false;
  let pumped: Promise<void> = Promise.resolve();

  function refuseWhenClosed(): void {
    if (closed) throw closing();
  }

  async function pump(): Promise<void> {
    // The messages of one socket read arrive in one turn of the event loop: let all of them in.
    await setImmediate();
    while (waiting.length > 0) {
      const begunAt = performance.now();
      await commitGroup(takeGroup(waiting), deps);
      const pauseMs = spacingMs - (performance.now() - begunAt);
      if (pauseMs >= 1 && !closed && countReadings(waiting) < MAX_READINGS_PER_COMMIT)
        await setTimeout(pauseMs);
      else await setImmediate();
    }
    pumping = false;
  }

  function enqueue(message: NewMessage): Promise<SubmitOutcome> {
    return new Promise((settle, refuse) => {
      waiting.push({ message, settle, refuse });
      if (pumping) return;
      pumping = true;
      pumped = pump();
    });
  }

  return {
    async submit(message, whenFull) {
      refuseWhenClosed();
      const amount = message.readings.length;
      if (!room.tryTake(amount)) {
        if (whenFull === 'refuse') throw full(room.taken);
        await room.take(amount);
      }
      try {
        // Its turn may have come in the very moment of the close.
        refuseWhenClosed();
        return await enqueue(message);
      } finally {
        room.give(amount);
      }
    },
    async close() {
      closed = true;
      room.close(closing());
      await pumped;
    },
  };
}

function countReadings(submissions: readonly Submission[]): number {
  return submissions.reduce((sum, { message }) => sum + message.readings.length, 0);
}

/** Takes submissions off the front as long as their readings fit into one commit; at least one. */
function takeGroup(waiting: Submission[]): Submission[] {
  let readings = 0;
  let length = 0;
  for (const { message } of waiting) {
    readings += message.readings.length;
    if (length > 0 && readings > MAX_READINGS_PER_COMMIT) break;
    length += 1;
  }
  return waiting.splice(0, length);
}

/** Commits a group and answers its submitters; never throws. */
async function commitGroup(group: readonly Submission[], deps: ReadingWriterDeps): Promise<void> {
  const { metrics, logger, announce } = deps;
  const stopTimer = metrics.commitSeconds.startTimer();
  try {
    const outcome = await commitWithRetry(
      group.map(({ message }) => message),
      deps,
    );
    stopTimer();
    metrics.commitReadings.observe(outcome.stored.length);
    metrics.committed.inc(outcome.stored.length);
    const fresh = countFresh(outcome);
    for (const { message, settle } of group) settle(outcomeOf(message, outcome, fresh));
    // Whoever misses an announcement notices it by the next one, and reads from storage.
    await withDeadline(announce(outcome), ANNOUNCE_DEADLINE_MS, 'announcing readings').catch(
      (error: unknown) => {
        logger.error({ err: error }, 'could not announce committed readings');
      },
    );
  } catch (error) {
    stopTimer();
    logger.error(
      { err: error, messages: group.length },
      'could not store readings; their senders are told so',
    );
    for (const { refuse } of group) refuse(unavailable(error));
  }
}

/** How many readings of each message were stored. */
function countFresh({ stored }: CommitOutcome): ReadonlyMap<NewMessage, number> {
  const counts = new Map<NewMessage, number>();
  for (const { message } of stored) counts.set(message, (counts.get(message) ?? 0) + 1);
  return counts;
}

function outcomeOf(
  message: NewMessage,
  { stale, conflicts }: CommitOutcome,
  fresh: ReadonlyMap<NewMessage, number>,
): SubmitOutcome {
  const conflict = conflicts.get(message);
  if (conflict) return { kind: 'conflict', conflict };
  if (stale.has(message)) return { kind: 'stale' };
  return { kind: 'stored', fresh: fresh.get(message) ?? 0 };
}

async function commitWithRetry(
  messages: readonly NewMessage[],
  deps: ReadingWriterDeps,
): Promise<CommitOutcome> {
  const { commit, logger, retryDelaysMs = RETRY_DELAYS_MS, commitDeadlineMs = COMMIT_DEADLINE_MS } = deps;
  for (const delayMs of retryDelaysMs) {
    try {
      return await withDeadline(commit(messages), commitDeadlineMs, 'storing readings');
    } catch (error) {
      // An attempt that did commit before its connection broke is harmless: the next one stores nothing twice.
      if (!isTransientFailure(error)) throw error;
      logger.warn({ err: error, delayMs }, 'the database could not be reached; trying again');
      await setTimeout(delayMs);
    }
  }
  return withDeadline(commit(messages), commitDeadlineMs, 'storing readings');
}

function closing(): AegisError {
  return new AegisError('UNAVAILABLE', 'telemetry: the server is stopping; send it again in a moment.', {
    retryAfterMs: RETRY_AFTER_MS,
  });
}

function full(taken: number): AegisError {
  return new AegisError(
    'RATE_LIMITED',
    `telemetry: ${taken} readings already await their commit, which is as many as may; send it again in a moment.`,
    { retryAfterMs: RETRY_AFTER_MS },
  );
}

function unavailable(cause: unknown): AegisError {
  return new AegisError('UNAVAILABLE', 'telemetry: it could not be stored; send it again in a moment.', {
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
}
