import type { SubgraphDeps } from '../../../kernel/graphql/subgraph.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { ConvertValue } from './check-readings.js';
import { createDeviceClocks } from './clocks/device-clocks.js';
import { storeClockSkews } from './clocks/stored-clocks.js';
import { createDeadLetters, type DeadLetters } from './dead-letters/dead-letters.js';
import { createStoredDeadLetters, type StoredDeadLetters } from './dead-letters/stored-dead-letters.js';
import type { DecodePayload, Ingest } from './ingestion.js';
import type { KnownDevices, KnownMetric } from './known-devices.js';
import { createLiveReadings } from './live-readings.js';
import { createPartitions } from './partitions.js';
import { createReadingPipeline } from './reading-pipeline.js';
import type { ResumableSource } from '../../../kernel/events/resumable-stream.js';
import {
  createReadingSource,
  openReadingStream,
  type ReadingEvent,
  type ReadingStreamDeps,
  type ReadingStreamOptions,
  type StreamItem,
} from './reading-stream.js';
import { createRetention, type OwnRetention } from './retention.js';
import { createRollUpFollower } from './rollups/roll-up-follower.js';
import { reportStorage, type StorageReport } from './storage-report.js';
import { createStoredReadings } from './stored-readings.js';

/** The settings of this room. */
export interface ReadingSettings {
  readonly maxPayloadBytes: number;
  readonly maxClockAheadSeconds: number;
  readonly maxQueuedReadings: number;
  readonly readingsRetentionHours: number;
  readonly minutesRetentionHours: number;
  readonly hoursRetentionHours: number;
  readonly deadLetters: number;
  readonly deadLetterBytes: number;
}

export interface ReadingsDeps extends Pick<
  SubgraphDeps,
  'database' | 'bus' | 'logger' | 'metrics' | 'workspaces'
> {
  readonly settings: ReadingSettings;
  readonly devices: KnownDevices;
  readonly decode: DecodePayload;
  readonly convert?: ConvertValue<KnownMetric>;
  readonly ownRetention?: OwnRetention;
}

/** The way of readings in, and the ways to them. */
export interface Readings {
  readonly ingest: Ingest;
  /** Takes what was refused before it came to ingestion. */
  readonly deadLetters: Pick<DeadLetters, 'record'>;
  readonly storedDeadLetters: StoredDeadLetters;
  openStream(workspace: WorkspaceId, options: ReadingStreamOptions): AsyncIterableIterator<ReadingEvent>;
  /** All readings in the order of commit, for whoever keeps a place in them. */
  openSource(workspace: WorkspaceId, signal: AbortSignal): ResumableSource<StreamItem>;
  reportStorage(workspace: WorkspaceId): Promise<StorageReport>;
  /** A device was removed: its readings are deleted soon. */
  onRemoved(): void;
  start(): Promise<void>;
  /** Takes nothing more and waits until everything that was taken is committed or refused. */
  stopTaking(): Promise<void>;
  close(): Promise<void>;
}

const HOUR_MS = 3_600_000;

/** Ties this room together: taking, storing, announcing, keeping and giving back readings. */
export function createReadings(deps: ReadingsDeps): Readings {
  const { database, bus, logger, workspaces, settings } = deps;
  const partitions = createPartitions({ database, table: 'readings' });
  const live = createLiveReadings({ bus, workspaces, logger });
  const storedDeadLetters = createStoredDeadLetters(database, settings.deadLetters);
  const deadLetters = createDeadLetters({
    ...deps,
    store: (workspace, letters) => storedDeadLetters.add(workspace, letters),
    maxPayloadBytes: settings.deadLetterBytes,
  });
  const clocks = createDeviceClocks({
    store: (workspace, skews) => storeClockSkews(database, workspace, skews),
    logger,
  });
  const rollups = createRollups(deps);
  const followers = new Map(
    workspaces.map((workspace) => [
      workspace,
      createRollUpFollower({ database, workspace, logger, ...rollups }),
    ]),
  );
  const pipeline = createReadingPipeline({
    ...deps,
    ...settings,
    ...{ partitions, clocks, deadLetters },
    onCommitted: (workspace) => followers.get(workspace)?.wake(),
  });
  const retention = createRetention({
    ...deps,
    ...{ partitions, rollups: [rollups.minutes, rollups.hours] },
    retentionMs: settings.readingsRetentionHours * HOUR_MS,
  });
  const streamDepsOf = (workspace: WorkspaceId): ReadingStreamDeps => ({
    stored: createStoredReadings(database, workspace),
    listen: (listener) => live.listen(workspace, listener),
  });
  return {
    ingest: pipeline.ingest,
    ...{ deadLetters, storedDeadLetters },
    openStream: (workspace, options) => openReadingStream(streamDepsOf(workspace), options),
    openSource: (workspace, signal) => createReadingSource(streamDepsOf(workspace), {}, signal),
    reportStorage: (workspace) => reportStorage(database, workspace),
    onRemoved: retention.wake,
    async start() {
      await live.start();
      await pipeline.start();
      retention.start();
      for (const follower of followers.values()) follower.start();
      for (const part of [clocks, deadLetters]) part.start();
    },
    stopTaking: pipeline.close,
    async close() {
      await Promise.all([...followers.values(), clocks, deadLetters].map((part) => part.close()));
      await retention.close();
      live.close();
    },
  };
}

function createRollups({ database, settings }: ReadingsDeps) {
  const { minutesRetentionHours, hoursRetentionHours } = settings;
  return {
    minutes: {
      partitions: createPartitions({ database, table: 'reading_minutes' }),
      retentionMs: minutesRetentionHours * HOUR_MS,
    },
    hours: {
      partitions: createPartitions({ database, table: 'reading_hours' }),
      retentionMs: hoursRetentionHours * HOUR_MS,
    },
  };
}
