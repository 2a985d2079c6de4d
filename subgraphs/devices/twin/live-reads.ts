import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { openDeadline } from '../../../kernel/lifecycle/open-deadline.js';
import { untilAborted } from '../../../kernel/lifecycle/until-aborted.js';
import { newId } from '../../../kernel/ids/ids.js';
import type { DeviceSession, Sessions } from '../sessions/session.js';
import type { DeviceAnswers } from './device-answers.js';
import type { LiveReadRelay } from './live-read-relay.js';
import { deviceAway, MAX_READS, tooManyReads, type LiveRead } from './live-read.js';

/** Asks devices for values; once it resolves, what they answered is stored. */
export interface LiveReads {
  /**
   * Errors: UNAVAILABLE when the device is not connected; BAD_USER_INPUT when its protocol cannot ask, or it does not listen
   * to questions; UPSTREAM_TIMEOUT, UPSTREAM_FAILED; RATE_LIMITED when this process asks too many at once; CANCELLED when it ends.
   */
  ask(read: LiveRead): Promise<void>;
  start(): Promise<void>;
  close(): void;
}

export interface LiveReadsDeps {
  readonly sessions: Sessions;
  /** The way to devices that are connected to other processes; undefined where there are none. */
  readonly relay: LiveReadRelay | undefined;
  /** What devices answer that are asked by a message. */
  readonly answers: DeviceAnswers;
}

/** Makes the asking. Who asks a device for the same while it is asked waits for the same answer. */
export function createLiveReads({ sessions, relay, answers }: LiveReadsDeps): LiveReads {
  const closing = new AbortController();
  const reading = new Map<string, Promise<void>>();

  function askHere(session: DeviceSession, read: LiveRead): Promise<void> {
    const key = JSON.stringify([read.workspace, read.deviceId, read.metrics]);
    const known = reading.get(key);
    if (known) return known;
    if (reading.size >= MAX_READS) return Promise.reject(tooManyReads());
    const made = askSession(session, read, { answers, closing: closing.signal }).finally(() =>
      reading.delete(key),
    );
    reading.set(key, made);
    return made;
  }

  return {
    ask(read) {
      const session = sessions.find(read.workspace, read.deviceId);
      if (session) return askHere(session, read);
      return relay ? relay.ask(read, closing.signal) : Promise.reject(deviceAway());
    },
    async start() {
      await answers.start();
      await relay?.start((read) => {
        const session = sessions.find(read.workspace, read.deviceId);
        return session && askHere(session, read);
      });
    },
    close() {
      closing.abort();
      relay?.close();
      answers.close();
    },
  };
}

interface AskDeps {
  readonly answers: DeviceAnswers;
  readonly closing: AbortSignal;
}

async function askSession(
  session: DeviceSession,
  read: LiveRead,
  { answers, closing }: AskDeps,
): Promise<void> {
  const { metrics, timeoutMs } = read;
  if (!session.read) checkListens(session);
  const deadline = openDeadline(
    closing,
    timeoutMs,
    `reading: the device did not answer within ${timeoutMs} ms.`,
  );
  const { signal } = deadline;
  try {
    const work = session.read ? session.read(metrics, signal) : askByMessage(session, read, answers, signal);
    await untilAborted(work, signal);
  } catch (error) {
    if (error instanceof AegisError) throw error;
    throw new AegisError('UPSTREAM_FAILED', 'reading: the device could not be asked.', { cause: error });
  } finally {
    deadline.close();
  }
}

/** Errors: BAD_USER_INPUT when the device can be told no question by this session. */
function checkListens({ ask, takes, protocol }: DeviceSession): void {
  if (ask && takes?.('read') !== false) return;
  const why = ask ? 'does not listen to questions (its topic or resource `reads`)' : 'cannot be asked';
  throw new AegisError(
    'BAD_USER_INPUT',
    `source: expected TWIN, as the device is connected by ${protocol} and ${why}; it tells values by itself, and the ` +
      'newest is stored.',
  );
}

/** Asks by a message, which is taken back when the answer has come or nobody waits for it. */
async function askByMessage(
  session: DeviceSession,
  { metrics, timeoutMs, ...whom }: LiveRead,
  answers: DeviceAnswers,
  signal: AbortSignal,
): Promise<void> {
  const ended = new AbortController();
  const expiresAt = new Date(Date.now() + timeoutMs);
  const answer = await answers.expect({ ...whom, metrics });
  try {
    const question = { kind: 'read', id: newId('ask'), metrics, expiresAt } as const;
    const until = AbortSignal.any([signal, ended.signal]);
    // A device may answer before it acknowledges the question, or instead.
    const told = Promise.resolve(session.ask?.(question, until)).then(() => answer.arrived);
    await untilAborted(Promise.race([answer.arrived, told]), signal);
  } finally {
    ended.abort();
    answer.stop();
  }
}
