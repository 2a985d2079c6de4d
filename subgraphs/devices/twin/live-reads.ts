import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { openDeadline } from '../../../kernel/lifecycle/open-deadline.js';
import { untilAborted } from '../../../kernel/lifecycle/until-aborted.js';
import type { DeviceSession, Sessions } from '../sessions/session.js';
import type { LiveReadRelay } from './live-read-relay.js';
import { deviceAway, MAX_READS, tooManyReads, type LiveRead } from './live-read.js';

/** Asks devices for values; once it resolves, what they answered is stored. */
export interface LiveReads {
  /**
   * Errors: UNAVAILABLE when the device is not connected; BAD_USER_INPUT when its protocol cannot ask; UPSTREAM_TIMEOUT,
   * UPSTREAM_FAILED; RATE_LIMITED when this process asks too many at once; CANCELLED when it ends.
   */
  ask(read: LiveRead): Promise<void>;
  start(): Promise<void>;
  close(): void;
}

export interface LiveReadsDeps {
  readonly sessions: Sessions;
  /** The way to devices that are connected to other processes; undefined where there are none. */
  readonly relay: LiveReadRelay | undefined;
}

/** Makes the asking. Who asks a device for the same while it is asked waits for the same answer. */
export function createLiveReads({ sessions, relay }: LiveReadsDeps): LiveReads {
  const closing = new AbortController();
  const reading = new Map<string, Promise<void>>();

  function askHere(session: DeviceSession, read: LiveRead): Promise<void> {
    const key = JSON.stringify([read.workspace, read.deviceId, read.metrics]);
    const known = reading.get(key);
    if (known) return known;
    if (reading.size >= MAX_READS) return Promise.reject(tooManyReads());
    const made = askSession(session, read, closing.signal).finally(() => reading.delete(key));
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
      await relay?.start((read) => {
        const session = sessions.find(read.workspace, read.deviceId);
        return session && askHere(session, read);
      });
    },
    close() {
      closing.abort();
      relay?.close();
    },
  };
}

async function askSession(
  session: DeviceSession,
  { metrics, timeoutMs }: LiveRead,
  closing: AbortSignal,
): Promise<void> {
  if (!session.read) {
    throw new AegisError(
      'BAD_USER_INPUT',
      `source: expected TWIN, as a device that is connected by ${session.protocol} cannot be asked; it tells values by ` +
        'itself, and the newest is stored.',
    );
  }
  const deadline = openDeadline(
    closing,
    timeoutMs,
    `reading: the device did not answer within ${timeoutMs} ms.`,
  );
  try {
    await untilAborted(session.read(metrics, deadline.signal), deadline.signal);
  } catch (error) {
    if (error instanceof AegisError) throw error;
    throw new AegisError('UPSTREAM_FAILED', 'reading: the device could not be asked.', { cause: error });
  } finally {
    deadline.close();
  }
}
