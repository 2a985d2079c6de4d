import DataLoader from 'dataloader';
import type { Database } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { LiveReads } from './live-reads.js';
import type { DeviceTwinModel, TwinChangeModel } from './models.js';
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

/** Turns the same question about the twins of many devices into one, for one request. */
export interface TwinLoaders {
  readonly twins: DataLoader<string, DeviceTwinModel>;
  readonly pastTwins: DataLoader<PastTwinKey, PastTwin, string>;
  readonly twinHistories: DataLoader<HistoryKey, TwinChangeModel[], string>;
  readonly twinChanges: DataLoader<ChangeKey, TwinChangeModel | undefined, string>;
  readonly deviceEvents: DataLoader<DeviceEventsKey, LoggedDeviceEvent[], string>;
  /** Resolves once the device was asked and its answer is stored; each device is asked once, for all metrics together. */
  readonly liveReads: DataLoader<LiveReadKey, true, string>;
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
    liveReads: new DataLoader<LiveReadKey, true, string>((keys) => askDevices(liveReads, workspace, keys), {
      cacheKeyFn: toCacheKey,
    }),
  };
}

async function askDevices(
  liveReads: LiveReads,
  workspace: WorkspaceId,
  keys: readonly LiveReadKey[],
): Promise<(true | Error)[]> {
  const asked = new Map<string, Promise<true | Error>>();
  for (const { deviceId } of keys) {
    if (asked.has(deviceId)) continue;
    const own = keys.filter((key) => key.deviceId === deviceId);
    const metrics = [...new Set(own.map(({ metric }) => metric))].sort();
    const timeoutMs = Math.max(...own.map((key) => key.timeoutMs));
    const outcome = liveReads.ask({ workspace, deviceId, metrics, timeoutMs }).then(
      () => true as const,
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    );
    asked.set(deviceId, outcome);
  }
  const outcomes = new Map<string, true | Error>();
  for (const [deviceId, outcome] of asked) outcomes.set(deviceId, await outcome);
  return keys.map(({ deviceId }) => outcomes.get(deviceId) ?? new Error('the device was not asked'));
}

/** Keys hold instants and sequences, which JSON has no numbers for. */
function toCacheKey(key: object): string {
  return JSON.stringify(key, (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}
