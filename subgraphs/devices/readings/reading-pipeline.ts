import type { Database } from '../../../kernel/database/database.js';
import type { LiveBus } from '../../../kernel/events/live-bus.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import type { Metrics } from '../../../kernel/telemetry/metrics.js';
import { createAnnouncer } from './announce-readings.js';
import { createArrivalClock } from './arrival-clock.js';
import type { ConvertValue } from './check-readings.js';
import { createIngestion, type DecodePayload, type Ingest } from './ingestion.js';
import type { DeviceClocks } from './clocks/device-clocks.js';
import type { DeadLetters } from './dead-letters/dead-letters.js';
import type { KnownDevices, KnownMetric } from './known-devices.js';
import type { Partitions } from './partitions.js';
import { createQueueRoom } from './queue-room.js';
import { createReadingCommit, ensureReadingStream } from './reading-commit.js';
import { createReadingMetrics } from './reading-metrics.js';
import { createReadingWriter } from './reading-writer.js';

export interface ReadingPipelineDeps {
  readonly database: Database;
  readonly bus: LiveBus;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly workspaces: readonly WorkspaceId[];
  readonly devices: KnownDevices;
  readonly decode: DecodePayload;
  readonly convert?: ConvertValue<KnownMetric>;
  /** Of the readings. */
  readonly partitions: Partitions;
  readonly clocks: DeviceClocks;
  readonly deadLetters: DeadLetters;
  /** Told of each commit. */
  readonly onCommitted: (workspace: WorkspaceId) => void;
  readonly maxPayloadBytes: number;
  readonly maxClockAheadSeconds: number;
  readonly maxQueuedReadings: number;
}

/** The way of a reading from a protocol's hands to the table and the live bus. */
export interface ReadingPipeline {
  readonly ingest: Ingest;
  start(): Promise<void>;
  /** Takes nothing more and waits until everything that was taken is committed or refused. */
  close(): Promise<void>;
}

/** Ties the stations of ingestion together: one writer for each workspace, and one bounded queue's room for all. */
export function createReadingPipeline(deps: ReadingPipelineDeps): ReadingPipeline {
  const { database, bus, logger, workspaces, partitions } = deps;
  const room = createQueueRoom(deps.maxQueuedReadings);
  const metrics = createReadingMetrics(deps.metrics, () => room.taken);
  const writers = workspaces.map((workspace) => {
    const announce = createAnnouncer(bus, workspace);
    const writer = createReadingWriter({
      commit: createReadingCommit({ database, workspace, partitions }),
      announce: async (outcome) => {
        if (outcome.stored.length > 0) deps.onCommitted(workspace);
        await announce(outcome);
      },
      ...{ room, metrics, logger },
    });
    return { workspace, writer };
  });
  return {
    ingest: createIngestion({
      ...deps,
      metrics,
      writers: new Map(writers.map((served) => [served.workspace, served])),
      clock: createArrivalClock(),
    }),
    async start() {
      for (const workspace of workspaces) await ensureReadingStream(database, workspace);
      await partitions.ensureAhead();
    },
    async close() {
      await Promise.all(writers.map(({ writer }) => writer.close()));
    },
  };
}
