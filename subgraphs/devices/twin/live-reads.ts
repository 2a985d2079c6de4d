import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { openDeadline } from '../../../kernel/lifecycle/open-deadline.js';
import { untilAborted } from '../../../kernel/lifecycle/until-aborted.js';
import { newId } from '../../../kernel/ids/ids.js';
import type { DeviceSession, ReadQuestion, Sessions } from '../sessions/session.js';
import type { AwaitedAnswer, DeviceAnswers } from './device-answers.js';
import type { LiveReadRelay } from './live-read-relay.js';
import { deviceAway, MAX_READS, tooManyReads, type LiveRead } from './live-read.js';
import { createSharedReads, type SharedWait } from './shared-reads.js';

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

/** How much later than its time a question is over, so that those who waited for it are gone, in milliseconds. */
const LEAVING_MS = 20;

/**
 * Makes the asking. Who asks a device for the same while it is asked waits for the same answer, each until its own deadline:
 * the device is asked for as long as somebody waits.
 */
export function createLiveReads({ sessions, relay, answers }: LiveReadsDeps): LiveReads {
  const closing = new AbortController();
  const shared = createSharedReads();

  async function askHere(session: DeviceSession, read: LiveRead): Promise<void> {
    const { timeoutMs } = read;
    const key = JSON.stringify([read.workspace, read.deviceId, read.metrics]);
    if (!shared.has(key) && shared.size() >= MAX_READS) throw tooManyReads();
    const message = `reading: the device did not answer within ${timeoutMs} ms.`;
    const { signal, close } = openDeadline(closing.signal, timeoutMs, message);
    try {
      const begin = (wait: SharedWait) => askSession(session, read, { answers, wait });
      await shared.wait(key, begin, { signal, untilMs: Date.now() + timeoutMs });
    } finally {
      close();
    }
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
  readonly wait: SharedWait;
}

async function askSession(session: DeviceSession, read: LiveRead, deps: AskDeps): Promise<void> {
  if (!session.read) checkListens(session);
  try {
    await (session.read ? session.read(read.metrics, deps.wait.signal) : askByMessage(session, read, deps));
  } catch (error) {
    if (error instanceof AegisError) throw error;
    throw new AegisError('UPSTREAM_FAILED', 'reading: the device could not be asked.', { cause: error });
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

/**
 * Asks by a message, which is taken back when the answer has come or nobody waits for it. A question whose time is over is
 * asked again where somebody has come meanwhile who waits for longer.
 */
async function askByMessage(
  session: DeviceSession,
  { metrics, ...whom }: LiveRead,
  { answers, wait }: AskDeps,
): Promise<void> {
  const { signal } = wait;
  const answer = await answers.expect({ ...whom, metrics });
  try {
    while (!signal.aborted) {
      if (await askOnce(session, { metrics, expiresAt: new Date(wait.untilMs()) }, { answer, signal }))
        return;
    }
  } finally {
    answer.stop();
  }
}

/** Whether the answer has come by the time that the question is over. */
async function askOnce(
  session: DeviceSession,
  { metrics, expiresAt }: Pick<ReadQuestion, 'metrics' | 'expiresAt'>,
  { answer, signal }: { readonly answer: AwaitedAnswer; readonly signal: AbortSignal },
): Promise<boolean> {
  const leftMs = expiresAt.getTime() - Date.now();
  const time = openDeadline(signal, leftMs + LEAVING_MS, 'reading: the time of the question is over.');
  const ended = new AbortController();
  try {
    const question = { kind: 'read', id: newId('ask'), metrics, expiresAt } as const;
    // A device may answer before it acknowledges the question, or instead.
    const until = AbortSignal.any([time.signal, ended.signal]);
    const told = Promise.resolve(session.ask?.(question, until)).then(() => answer.arrived);
    await untilAborted(Promise.race([answer.arrived, told]), time.signal);
    return true;
  } catch (error) {
    if (time.signal.aborted) return false;
    throw error;
  } finally {
    ended.abort();
    time.close();
  }
}
