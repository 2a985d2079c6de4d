import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { Delivery, Downlink, Sessions } from '../../sessions/session.js';
import { toDownlinkJson } from '../downlink-json.js';

/** What one poll has for a device. */
export interface PolledDownlinks {
  readonly commands: readonly unknown[];
  /** Null when nothing newer is desired than what the device has. */
  readonly desired: unknown;
}

export interface PollOptions {
  readonly workspace: WorkspaceId;
  readonly deviceId: string;
  readonly credentialId: string | undefined;
  readonly waitMs: number;
  /** The version of what is desired that the device has; it is told of newer ones only. */
  readonly desiredVersion: number;
  /** Aborted when the device hangs up, or the server stops. */
  readonly signal: AbortSignal;
}

interface Held {
  readonly downlink: Downlink;
  readonly settle: (delivery: Delivery) => void;
  readonly fail: (error: AegisError) => void;
}

/** What came out of a poll, to be told of once it has been sent or could not be. */
export interface Poll {
  readonly downlinks: PolledDownlinks;
  /** The answer has left. */
  sent(): void;
  /** It could not be given. */
  lost(): void;
}

/** How long it is waited for more once something has come, in milliseconds: several commands go in one answer. */
const GATHER_MS = 25;
const MAX_COMMANDS = 64;

/** Waits until there is something to tell a device: for the time of the poll it has a session. */
export async function pollDownlinks(sessions: Sessions, options: PollOptions): Promise<Poll> {
  const { workspace, deviceId, credentialId, signal, desiredVersion } = options;
  const held: Held[] = [];
  let closed = false;
  let wake: () => void = () => undefined;

  function receive(downlink: Downlink): Promise<Delivery> {
    if (downlink.kind === 'desired' && downlink.version <= desiredVersion) return Promise.resolve('SENT');
    if (closed || held.length >= MAX_COMMANDS) return Promise.reject(gone());
    return new Promise((settle, fail) => {
      held.push({ downlink, settle, fail });
      wake();
    });
  }

  const session = {
    ...{ workspace, deviceId, credentialId, protocol: 'HTTP' as const },
    send: receive,
    end: () => {
      wake();
    },
  };
  const woken = new Promise<void>((resolve) => {
    wake = resolve;
  });
  const open = sessions.open(session);
  try {
    await waitFor(woken, options.waitMs, signal);
    if (held.length > 0) await waitFor(new Promise<void>(() => undefined), GATHER_MS, signal);
  } finally {
    closed = true;
    open.close('its poll has ended', 'closed');
  }
  return {
    downlinks: toDownlinks(held.map(({ downlink }) => downlink)),
    sent() {
      for (const { settle } of held) settle('SENT');
    },
    lost() {
      for (const { fail } of held) fail(gone());
    },
  };
}

/** Waits for work, but no longer than it may; it does not matter which. */
async function waitFor(work: Promise<void>, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener('abort', finish, { once: true });
    void work.then(finish);
  });
}

function toDownlinks(downlinks: readonly Downlink[]): PolledDownlinks {
  const commands = downlinks.filter(({ kind }) => kind === 'command').map(toDownlinkJson);
  const desired = downlinks.filter(({ kind }) => kind === 'desired').at(-1);
  return { commands, desired: desired ? toDownlinkJson(desired) : null };
}

function gone(): AegisError {
  return new AegisError('UNAVAILABLE', 'HTTP: the device does not ask for commands at present.');
}
