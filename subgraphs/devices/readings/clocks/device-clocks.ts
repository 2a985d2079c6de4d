import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import type { RawReading } from '../../codecs/codec.js';
import { observeClock, skewOf, type ClockEstimate } from './clock-skew.js';
import type { ClockSkew } from './stored-clocks.js';

/** The clocks of the devices that send now: their skews are estimated here, and stored now and then. */
export interface DeviceClocks {
  /** A message has come with times of the device's own. */
  observe(message: ObservedMessage): void;
  start(): void;
  /** Stores what has changed. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** When a message came, by our clock and by the device's. */
export interface ObservedMessage {
  readonly workspace: WorkspaceId;
  readonly deviceId: string;
  readonly arrivedAtMs: number;
  /** The newest of its values, by the device's clock. */
  readonly measuredAtMs: number;
}

export interface DeviceClocksDeps {
  readonly store: (workspace: WorkspaceId, skews: readonly ClockSkew[]) => Promise<void>;
  readonly logger: Logger;
  /** How often what has changed is stored, in milliseconds. */
  readonly periodMs?: number;
  /** The most devices that are followed; the one that was met first is forgotten for one more. */
  readonly capacity?: number;
}

interface Entry {
  readonly estimate: ClockEstimate;
  readonly workspace: WorkspaceId;
  readonly deviceId: string;
  observedAtMs: number;
  storedMs: number | undefined;
  dirty: boolean;
}

const PERIOD_MS = 10_000;
const CAPACITY = 25_000;
/** What is not worth a write. */
const LEAST_CHANGE_MS = 1;
const STORED_AT_ONCE = 2_000;

/** Makes the estimates of all devices' clocks. */
export function createDeviceClocks(deps: DeviceClocksDeps): DeviceClocks {
  const { store, logger, periodMs = PERIOD_MS, capacity = CAPACITY } = deps;
  const entries = new Map<string, Entry>();
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> = Promise.resolve();

  function makeRoom(): void {
    const oldest = entries.size >= capacity ? entries.keys().next().value : undefined;
    if (oldest !== undefined) entries.delete(oldest);
  }

  async function storeChanged(): Promise<void> {
    const changed = [...entries.values()].filter(hasChanged);
    for (const workspace of new Set(changed.map((entry) => entry.workspace))) {
      const group = changed.filter((entry) => entry.workspace === workspace);
      for (let from = 0; from < group.length; from += STORED_AT_ONCE)
        await storeGroup(workspace, group.slice(from, from + STORED_AT_ONCE));
    }
  }

  async function storeGroup(workspace: WorkspaceId, group: readonly Entry[]): Promise<void> {
    const skews = group.map(({ deviceId, estimate, observedAtMs }) => ({
      ...{ deviceId, observedAtMs },
      skewMs: skewOf(estimate),
    }));
    for (const entry of group) entry.dirty = false;
    await store(workspace, skews);
    for (const [index, entry] of group.entries()) entry.storedMs = skews[index]?.skewMs;
  }

  function flush(): Promise<void> {
    flushing = flushing.then(storeChanged).catch((error: unknown) => {
      logger.warn(
        { err: error },
        'could not store the skews of clocks; they are stored when they change next',
      );
    });
    return flushing;
  }

  return {
    observe({ workspace, deviceId, arrivedAtMs, measuredAtMs }) {
      const known = entries.get(deviceId);
      const estimate = observeClock(known?.estimate, { arrivedAtMs, measuredAtMs });
      if (known) {
        known.observedAtMs = arrivedAtMs;
        known.dirty = true;
        return;
      }
      makeRoom();
      const entry = {
        estimate,
        workspace,
        deviceId,
        observedAtMs: arrivedAtMs,
        storedMs: undefined,
        dirty: true,
      };
      entries.set(deviceId, entry);
    },
    start() {
      timer = setInterval(() => void flush(), periodMs);
      timer.unref();
    },
    flush,
    async close() {
      clearInterval(timer);
      await flush();
    },
  };
}

/** The newest time that a device gave its values itself, in milliseconds; undefined where it gave none. */
export function newestOwnTimeMs(raw: readonly Pick<RawReading, 'measuredAtUs'>[]): number | undefined {
  let newestUs = -Infinity;
  for (const { measuredAtUs = -Infinity } of raw) if (measuredAtUs > newestUs) newestUs = measuredAtUs;
  return newestUs === -Infinity ? undefined : newestUs / 1_000;
}

function hasChanged({ dirty, estimate, storedMs }: Entry): boolean {
  return dirty && (storedMs === undefined || Math.abs(skewOf(estimate) - storedMs) >= LEAST_CHANGE_MS);
}
