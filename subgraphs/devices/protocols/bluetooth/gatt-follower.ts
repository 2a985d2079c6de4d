import { setTimeout as sleep } from 'node:timers/promises';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { ERROR_CODES } from '../../../../kernel/errors/codes.js';
import { openDeadline } from '../../../../kernel/lifecycle/open-deadline.js';
import { untilAborted } from '../../../../kernel/lifecycle/until-aborted.js';
import type { RejectionLog } from '../../../../kernel/messaging/rejection.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import type { Sessions } from '../../sessions/session.js';
import type { Lanes } from '../coap/lanes.js';
import type { Uplink } from '../protocol.js';
import type { BluetoothMapping } from './bluetooth-mapping.js';
import type { BlueZ } from './bluez.js';
import { createGattDevice, type BluetoothDevice, type GattDevice, type MappedGroup } from './gatt-device.js';
import { createGattQueue, type GattQueueDeps, type LossCause } from './gatt-queue.js';
import type { Radio } from './radio.js';

export interface GattFollowerDeps {
  readonly device: BluetoothDevice;
  readonly mapping: BluetoothMapping;
  readonly radio: Radio;
  readonly uplink: Uplink;
  readonly sessions: Sessions;
  readonly logger: Logger;
  readonly logRejection: RejectionLog;
  /** Counts what was told and could not be stored. */
  readonly countLost: (cause: LossCause) => void;
  /** An adapter makes one connection at a time. */
  readonly connecting: Lanes;
  /** How long after a failure it is tried again, in milliseconds; doubled with each. */
  readonly backoffMs?: number;
}

const BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 300_000;
/** How long a device may take until its services are known, once it is connected. */
const RESOLVE_MS = 30_000;
/** Connects with one device, reads it and is told of its changes, and connects again, until the signal is aborted. */
export async function followPeripheral(deps: GattFollowerDeps, signal: AbortSignal): Promise<void> {
  const { device, radio, logger, backoffMs = BACKOFF_MS } = deps;
  const isOver = () => signal.aborted;
  const losses = createLosses(deps);
  for (let failures = 0; !isOver();) {
    try {
      const { bluez, gone } = await radio.get(signal);
      const until = AbortSignal.any([signal, gone]);
      await followOnce({ ...deps, bluez, losses, onOpen: () => (failures = 0) }, until);
    } catch (error) {
      if (isOver()) return;
      const reason = error instanceof Error ? error.message : String(error);
      logger.debug({ device: device.deviceId, reason }, 'a device is not connected over Bluetooth');
    }
    failures += 1;
    const ms = Math.min(MAX_BACKOFF_MS, backoffMs * 2 ** (failures - 1)) * (0.75 + Math.random() / 2);
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }
}

type Losses = Pick<GattQueueDeps, 'onLost' | 'onStored'>;

interface OnceDeps extends GattFollowerDeps {
  readonly bluez: BlueZ;
  readonly onOpen: () => void;
  readonly losses: Losses;
}

async function followOnce(deps: OnceDeps, signal: AbortSignal): Promise<void> {
  const { bluez, device, sessions, connecting } = deps;
  const { address } = device.endpoint;
  const { path } = await untilFound(bluez, () => bluez.find(address), signal);
  const ending = new AbortController();
  const until = AbortSignal.any([signal, ending.signal]);
  try {
    await connecting.inTurn('adapter', async () => {
      if (bluez.find(address)?.isConnected !== true) await bluez.connect(path, until);
    });
    const deadline = openDeadline(until, RESOLVE_MS, 'Bluetooth: the device does not tell its services.');
    await untilFound(bluez, () => bluez.find(address)?.isResolved, deadline.signal).finally(deadline.close);
    const gatt = createGattDevice({ ...deps, peripheral: path });
    const { workspace, deviceId } = device;
    const open = sessions.open({
      ...{ workspace, deviceId, protocol: 'BLUETOOTH', send: gatt.send, read: gatt.read },
      end: () => {
        ending.abort();
      },
    });
    deps.onOpen();
    const lost = untilFound(bluez, () => bluez.find(address)?.isConnected !== true, until);
    try {
      await readAll({ ...deps, gatt, touch: open.touch }, lost, until);
    } finally {
      open.close(
        until.aborted ? 'it is not called on any more' : 'the connection is lost',
        until.aborted ? 'closed' : 'lost',
      );
    }
  } finally {
    // A peripheral takes few connections, most only one: others want it.
    if (bluez.find(address)?.isConnected === true) await bluez.disconnect(path).catch(() => undefined);
  }
}

interface ReadDeps extends OnceDeps {
  readonly gatt: GattDevice;
  readonly touch: () => void;
}

/** Reads and follows all characteristics until the connection is lost. */
async function readAll(deps: ReadDeps, lost: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const { gatt, device, logger } = deps;
  if (gatt.groups.length === 0) {
    logger.warn({ device: device.deviceId }, 'the device has none of the characteristics of its profile');
  }
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const work = gatt.groups.map((group) => readGroup(group, deps, until));
  try {
    await Promise.race([lost, Promise.all(work).then(() => lost)]);
  } finally {
    over.abort();
    await Promise.allSettled(work);
  }
}

async function readGroup(group: MappedGroup, deps: ReadDeps, signal: AbortSignal): Promise<void> {
  const { bluez, gatt, losses } = deps;
  const { path, flags } = group.characteristic;
  const canTell = flags.includes('notify') || flags.includes('indicate');
  const isTold = canTell && group.values.every(({ notify }) => notify !== false);
  const queue = createGattQueue({ ...losses, signal, take });
  if (isTold) {
    const stop = await bluez.follow(path, queue.add, signal);
    try {
      const now = flags.includes('read') ? await bluez.read(path, signal) : undefined;
      // What was told meanwhile is newer.
      if (now && queue.isUnused()) queue.add(now);
      await aborted(signal);
    } finally {
      // Also when the connection is lost while it is read: what is stored after its end would count as a sign of life.
      await queue.drained();
      await stop().catch(() => undefined);
    }
    return;
  }
  if (!flags.includes('read')) return;
  const intervalMs = Math.min(...group.values.map(({ intervalSeconds }) => intervalSeconds)) * 1_000;
  while (!signal.aborted) {
    queue.add(await bluez.read(path, signal));
    await queue.drained();
    await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
  }

  /** What is refused for good is logged, as reading again would bring the same. */
  async function take(bytes: Buffer): Promise<void> {
    deps.touch();
    try {
      await gatt.take(group, bytes);
    } catch (error) {
      if (!(error instanceof AegisError) || ERROR_CODES[error.code].retryable) throw error;
      deps.logRejection(`ble ${group.uuid}`, error);
    }
  }
}

/** Counts what is lost of a device, and logs when it begins and ends to be. */
function createLosses({ device: { deviceId: device }, logger, countLost }: GattFollowerDeps): Losses {
  let isLosing = false;
  return {
    onLost(cause, error) {
      countLost(cause);
      if (!isLosing)
        logger.warn({ err: error, device, cause }, 'what a device tells cannot be stored; it is lost');
      isLosing = true;
    },
    onStored() {
      if (isLosing) logger.info({ device }, 'what a device tells is stored again');
      isLosing = false;
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Waits until something is so, looking whenever BlueZ tells of a change. Errors: the signal's. */
async function untilFound<T>(
  bluez: BlueZ,
  look: () => T | undefined | false,
  signal: AbortSignal,
): Promise<Exclude<T, false | undefined>> {
  const isFound = (value: T | undefined | false): value is Exclude<T, false | undefined> =>
    value !== undefined && value !== false;
  let stop: () => void = () => undefined;
  const found = new Promise<Exclude<T, false | undefined>>((resolve) => {
    const check = () => {
      const value = look();
      if (isFound(value)) resolve(value);
    };
    stop = bluez.onChange(check);
    check();
  });
  try {
    return await untilAborted(found, signal);
  } finally {
    stop();
  }
}
