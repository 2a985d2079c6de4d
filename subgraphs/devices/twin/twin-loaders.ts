import DataLoader from 'dataloader';
import type { Database } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { ReadingModel } from '../models.js';
import type { LiveReads } from './live-reads.js';
import type { DeviceTwinModel, TwinChangeModel } from './models.js';
import { readCurrent, type CurrentReadingKey } from './storage/current-readings.js';
import {
  findChanges,
  findPastTwins,
  findTwins,
  listDeviceEvents,
  listHistories,
  type ChangeKey,
  type DeviceEventsKey,
  type HistoryKey,
  type LoggedDeviceEvent,
  type PastTwin,
  type PastTwinKey,
} from './storage/twin-reader.js';

/** A metric that a device is asked for. */
export interface LiveReadKey {
  readonly deviceId: string;
  readonly metric: string;
  readonly timeoutMs: number;
}

/** A device that is being asked; who waits for one waits for no other, and no longer than it asked for. */
export interface AskedDevice {
  /** Resolves once the answer is stored, with the error where it is not. */
  readonly failure: Promise<Error | undefined>;
}

/** Turns the same question about the twins of many devices into one, for one request. */
export interface TwinLoaders {
  readonly twins: DataLoader<string, DeviceTwinModel>;
  readonly pastTwins: DataLoader<PastTwinKey, PastTwin, string>;
  readonly twinHistories: DataLoader<HistoryKey, TwinChangeModel[], string>;
  readonly twinChanges: DataLoader<ChangeKey, TwinChangeModel | undefined, string>;
  readonly deviceEvents: DataLoader<DeviceEventsKey, LoggedDeviceEvent[], string>;
  /** Asks devices, each once for all metrics together. */
  readonly liveReads: DataLoader<LiveReadKey, AskedDevice, string>;
  /** The reading of a metric that tells most of now. */
  readonly currentReadings: DataLoader<CurrentReadingKey, ReadingModel | undefined, string>;
}

/** Makes the loaders of one request. */
export function createTwinLoaders(
  { database, liveReads }: { readonly database: Database; readonly liveReads: LiveReads },
  workspace: WorkspaceId,
): TwinLoaders {
  return {
    twins: new DataLoader((ids) => findTwins(database, workspace, ids)),
    pastTwins: new DataLoader<PastTwinKey, PastTwin, string>(
      (keys) => findPastTwins(database, workspace, keys),
      { cacheKeyFn: toCacheKey },
    ),
    twinHistories: new DataLoader<HistoryKey, TwinChangeModel[], string>(
      (keys) => listHistories(database, workspace, keys),
      { cacheKeyFn: toCacheKey },
    ),
    twinChanges: new DataLoader<ChangeKey, TwinChangeModel | undefined, string>(
      (keys) => findChanges(database, workspace, keys),
      { cacheKeyFn: toCacheKey },
    ),
    deviceEvents: new DataLoader<DeviceEventsKey, LoggedDeviceEvent[], string>(
      (keys) => listDeviceEvents(database, workspace, keys),
      { cacheKeyFn: toCacheKey },
    ),
    liveReads: new DataLoader<LiveReadKey, AskedDevice, string>(
      (keys) => Promise.resolve(askDevices(liveReads, workspace, keys)),
      { cacheKeyFn: toCacheKey },
    ),
    currentReadings: new DataLoader<CurrentReadingKey, ReadingModel | undefined, string>(
      (keys) => readCurrent(database, workspace, keys),
      { cacheKeyFn: toCacheKey },
    ),
  };
}

function askDevices(
  liveReads: LiveReads,
  workspace: WorkspaceId,
  keys: readonly LiveReadKey[],
): AskedDevice[] {
  const asked = new Map<LiveReadKey, AskedDevice>();
  for (const own of groupByDevice(keys)) {
    const metrics = [...new Set(own.map(({ metric }) => metric))].sort();
    const failures = new Map<number, Promise<Error | undefined>>();
    // They share one question, which is asked for as long as the first of them waits.
    for (const key of own.toSorted((one, other) => other.timeoutMs - one.timeoutMs)) {
      const { deviceId, timeoutMs } = key;
      const failure =
        failures.get(timeoutMs) ?? toFailure(liveReads.ask({ workspace, deviceId, metrics, timeoutMs }));
      failures.set(timeoutMs, failure);
      asked.set(key, { failure });
    }
  }
  return keys.map((key) => asked.get(key) ?? { failure: Promise.resolve(new Error('it was not asked')) });
}

function groupByDevice(keys: readonly LiveReadKey[]): readonly (readonly LiveReadKey[])[] {
  const groups = new Map<string, LiveReadKey[]>();
  for (const key of keys) groups.set(key.deviceId, [...(groups.get(key.deviceId) ?? []), key]);
  return [...groups.values()];
}

function toFailure(work: Promise<void>): Promise<Error | undefined> {
  return work.then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );
}

/** Keys hold instants and sequences, which JSON has no numbers for. */
function toCacheKey(key: object): string {
  return JSON.stringify(key, (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}
