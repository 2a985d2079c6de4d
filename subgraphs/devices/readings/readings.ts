import type { SubgraphDeps } from '../../../kernel/graphql/subgraph.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { ConvertValue } from './check-readings.js';
import type { DecodePayload, Ingest } from './ingestion.js';
import type { KnownDevices, KnownMetric } from './known-devices.js';
import { createLiveReadings } from './live-readings.js';
import { createPartitions } from './partitions.js';
import { createReadingPipeline } from './reading-pipeline.js';
import { openReadingStream, type ReadingEvent, type ReadingStreamOptions } from './reading-stream.js';
import { createRetention } from './retention.js';
import { createStoredReadings } from './stored-readings.js';

/** The settings of this room. */
export interface ReadingSettings {
  readonly maxPayloadBytes: number;
  readonly maxClockAheadSeconds: number;
  readonly maxQueuedReadings: number;
  readonly readingsRetentionHours: number;
}

export interface ReadingsDeps extends Pick<
  SubgraphDeps,
  'database' | 'bus' | 'logger' | 'metrics' | 'workspaces'
> {
  readonly settings: ReadingSettings;
  readonly devices: KnownDevices;
  readonly decode: DecodePayload;
  readonly convert?: ConvertValue<KnownMetric>;
}

/** The way of readings in, and the ways to them. */
export interface Readings {
  readonly ingest: Ingest;
  openStream(workspace: WorkspaceId, options: ReadingStreamOptions): AsyncIterableIterator<ReadingEvent>;
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
  const pipeline = createReadingPipeline({ ...deps, ...settings, partitions });
  const retention = createRetention({
    ...{ database, workspaces, logger, partitions },
    retentionMs: settings.readingsRetentionHours * HOUR_MS,
  });
  return {
    ingest: pipeline.ingest,
    openStream: (workspace, options) =>
      openReadingStream(
        {
          stored: createStoredReadings(database, workspace),
          listen: (listener) => live.listen(workspace, listener),
        },
        options,
      ),
    onRemoved: retention.wake,
    async start() {
      await live.start();
      await pipeline.start();
      retention.start();
    },
    stopTaking: pipeline.close,
    async close() {
      await retention.close();
      live.close();
    },
  };
}
