import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { DeclaredMetric } from './check-readings.js';
import type { Labels } from '../fleet/labels.js';
import type { Profile, PropertyType } from '../profiles/profile.js';
import type { DeviceFact } from './device-facts.js';

/** What ingestion knows of a metric: a plain number, and not calibrated, where nothing is said of it. */
export interface KnownMetric extends DeclaredMetric {
  readonly type?: PropertyType;
  /** Of a STATE: their names in the order of their numbers. */
  readonly states?: readonly string[];
  readonly calibration?: { readonly gain: number; readonly offset: number };
}

/** What ingestion knows of a device. */
export interface KnownDevice {
  readonly id: string;
  readonly name: string;
  readonly labels: Labels;
  readonly metrics: ReadonlyMap<string, KnownMetric>;
  readonly profile?: Profile | undefined;
}

/** The devices of this installation, kept in memory for as long as they stay as they are. */
export interface KnownDevices {
  /** The device with this id or, when there is none, this name. One that is remembered is given without a promise. */
  find(workspace: WorkspaceId, idOrName: string): KnownDevice | undefined | Promise<KnownDevice | undefined>;
  /** Reads a device again when it is asked for next: it is new, has changed or is gone. */
  forget(workspace: WorkspaceId, fact: DeviceFact): void;
}

export interface KnownDevicesDeps {
  readonly load: (workspace: WorkspaceId, idOrName: string) => Promise<KnownDevice | undefined>;
  /** How long it is remembered that a device is unknown, in milliseconds. */
  readonly missMs?: number;
  /** The most devices that are remembered; the one read first is forgotten for one more. */
  readonly capacity?: number;
  readonly now?: () => number;
}

interface Entry {
  readonly device: KnownDevice;
  readonly keys: readonly string[];
}

const MISS_MS = 1_000;
const CAPACITY = 25_000;
const MISS_CAPACITY = 1_000;

/** Makes the memory of devices. It is told of changes: by this process's registry at once, by the event log of others'. */
export function createKnownDevices(deps: KnownDevicesDeps): KnownDevices {
  const { load, missMs = MISS_MS, capacity = CAPACITY, now = Date.now } = deps;
  /** Each device twice, by its id and by its name. */
  const entries = new Map<string, Entry>();
  /** Until when it is believed that there is no such device. */
  const misses = new Map<string, number>();
  const loading = new Map<string, Promise<KnownDevice | undefined>>();
  /** Grows with each change, so that what was read before a change is not remembered after it. */
  let changes = 0;

  function drop(entry: Entry): void {
    for (const key of entry.keys) entries.delete(key);
  }

  function remember(workspace: WorkspaceId, device: KnownDevice): void {
    const oldest = entries.size >= 2 * capacity ? entries.values().next().value : undefined;
    if (oldest) drop(oldest);
    const entry = { device, keys: [keyOf(workspace, device.id), keyOf(workspace, device.name)] };
    for (const key of entry.keys) entries.set(key, entry);
  }

  function rememberMiss(key: string): void {
    if (misses.size >= MISS_CAPACITY) misses.clear();
    misses.set(key, now() + missMs);
  }

  async function read(workspace: WorkspaceId, idOrName: string): Promise<KnownDevice | undefined> {
    const seen = changes;
    const device = await load(workspace, idOrName);
    if (seen !== changes) return device;
    if (device) remember(workspace, device);
    else rememberMiss(keyOf(workspace, idOrName));
    return device;
  }

  return {
    find(workspace, idOrName) {
      const key = keyOf(workspace, idOrName);
      const entry = entries.get(key);
      if (entry) return entry.device;
      if ((misses.get(key) ?? 0) > now()) return undefined;
      const reading =
        loading.get(key) ??
        read(workspace, idOrName).finally(() => {
          if (loading.get(key) === reading) loading.delete(key);
        });
      loading.set(key, reading);
      return reading;
    },
    forget(workspace, { id, name }) {
      changes += 1;
      // What is being read now may be what was there before.
      loading.clear();
      for (const key of name === undefined ? [id] : [id, name]) {
        const entry = entries.get(keyOf(workspace, key));
        if (entry) drop(entry);
        misses.delete(keyOf(workspace, key));
      }
    },
  };
}

function keyOf(workspace: WorkspaceId, idOrName: string): string {
  return `${workspace}/${idOrName}`;
}
