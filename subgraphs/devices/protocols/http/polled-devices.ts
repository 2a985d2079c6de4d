import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { Delivery, Downlink, OpenSession, ReadQuestion, Sessions } from '../../sessions/session.js';
import { toDownlinkJson } from '../downlink-json.js';

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

/** What a poll has for its device. What was not sent waits for the next poll. */
export interface Poll {
  readonly downlinks: {
    readonly commands: readonly unknown[];
    /** Null when nothing newer is desired than what the device has. */
    readonly desired: unknown;
    /** What the device is asked for. */
    readonly reads: readonly unknown[];
  };
  /** The answer has left. */
  sent(): void;
}

/** The devices that ask for what they are to be told. */
export interface PolledDevices {
  /** Waits until there is something for a device, or the time is over. */
  poll(options: PollOptions): Promise<Poll>;
  close(): void;
}

export interface PolledDevicesDeps {
  readonly sessions: Sessions;
  /** How long a device may take from one poll to the next and still count as connected, in milliseconds. */
  readonly graceMs?: number;
}

interface Held {
  readonly downlink: Downlink | ReadQuestion;
  readonly settle: () => void;
  readonly fail: (error: AegisError) => void;
}

interface Device {
  readonly credentialId: string | undefined;
  readonly held: Set<Held>;
  desiredVersion: number;
  /** How many polls wait now. */
  polls: number;
  wake: () => void;
  timer: NodeJS.Timeout | undefined;
  open: OpenSession | undefined;
}

const GRACE_MS = 30_000;
/** How long it is waited for more once something has come, in milliseconds: what comes together goes in one answer. */
const GATHER_MS = 10;
const MAX_HELD = 64;

/**
 * Makes the table of devices that poll. A device has one session from its first poll on until it has not polled for a
 * while; what it is sent between two polls waits for the next. The bound of the table is that of the devices that poll.
 */
export function createPolledDevices({ sessions, graceMs = GRACE_MS }: PolledDevicesDeps): PolledDevices {
  const devices = new Map<string, Device>();

  function openDevice(key: string, options: PollOptions): Device {
    const { workspace, deviceId, credentialId, desiredVersion } = options;
    const device: Device = {
      ...{ credentialId, desiredVersion, held: new Set(), polls: 0 },
      ...{ wake: () => undefined, timer: undefined, open: undefined },
    };
    devices.set(key, device);
    device.open = sessions.open({
      ...{ workspace, deviceId, credentialId, protocol: 'HTTP' },
      send: (downlink, signal) => hold(device, downlink, signal),
      ask: (question, signal) => hold(device, question, signal),
      end: (reason) => {
        closeDevice(key, device, reason);
      },
    });
    return device;
  }

  function closeDevice(key: string, device: Device, reason: string): void {
    if (devices.get(key) === device) devices.delete(key);
    clearTimeout(device.timer);
    for (const { fail } of device.held) fail(gone());
    device.open?.close(reason, 'closed');
    device.wake();
  }

  return {
    async poll(options) {
      const key = `${options.workspace}/${options.deviceId}`;
      const known = devices.get(key);
      // A credential that is revoked must not end the session of another.
      if (known && known.credentialId !== options.credentialId)
        closeDevice(key, known, 'it came with another credential');
      const device = devices.get(key) ?? openDevice(key, options);
      device.desiredVersion = Math.max(device.desiredVersion, options.desiredVersion);
      device.polls += 1;
      clearTimeout(device.timer);
      device.open?.touch();
      try {
        return await waitForHeld(device, options);
      } finally {
        device.polls -= 1;
        if (device.polls === 0) {
          const expire = () => {
            closeDevice(key, device, 'it does not ask for commands any more');
          };
          device.timer = setTimeout(expire, graceMs).unref();
        }
      }
    },
    close() {
      for (const [key, device] of [...devices]) closeDevice(key, device, 'the server stops');
    },
  };
}

function hold(device: Device, downlink: Downlink | ReadQuestion, signal: AbortSignal): Promise<Delivery> {
  if (downlink.kind === 'desired' && downlink.version <= device.desiredVersion)
    return Promise.resolve('SENT');
  if (signal.aborted || device.held.size >= MAX_HELD) return Promise.reject(gone());
  return new Promise((resolve, reject) => {
    const finish = () => {
      device.held.delete(one);
      signal.removeEventListener('abort', onAbort);
    };
    const onAbort = () => {
      one.fail(gone());
    };
    const one: Held = {
      downlink,
      settle() {
        finish();
        resolve('SENT');
      },
      fail(error) {
        finish();
        reject(error);
      },
    };
    signal.addEventListener('abort', onAbort, { once: true });
    device.held.add(one);
    device.wake();
  });
}

async function waitForHeld(device: Device, { waitMs, signal }: PollOptions): Promise<Poll> {
  const woken = new Promise<void>((resolve) => {
    device.wake = resolve;
  });
  if (device.held.size === 0) await waitFor(woken, waitMs, signal);
  if (device.held.size > 0) await waitFor(new Promise<void>(() => undefined), GATHER_MS, signal);
  const given = [...device.held];
  return {
    downlinks: toDownlinks(given.map(({ downlink }) => downlink)),
    sent() {
      for (const { settle } of given) settle();
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

function toDownlinks(downlinks: readonly Held['downlink'][]): Poll['downlinks'] {
  const jsonOf = (wanted: Held['downlink']['kind']) =>
    downlinks.filter(({ kind }) => kind === wanted).map(toDownlinkJson);
  return { commands: jsonOf('command'), desired: jsonOf('desired').at(-1) ?? null, reads: jsonOf('read') };
}

function gone(): AegisError {
  return new AegisError('UNAVAILABLE', 'HTTP: the device does not ask for commands at present.');
}
