import type { Database, WorkspaceDatabase } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { StoredItem } from '../streams/stored-stream.js';
import {
  measurementRow,
  toColumns,
  toMeasurement,
  type Measurement,
  type NewMeasurement,
} from '../live/measurement.js';

/** The stored updates of one workspace. */
export interface MeasurementStorage {
  /** Stores an update; undefined when the workspace already has one of that instant, measured by another process. */
  insert(measurement: NewMeasurement): Promise<StoredItem<Measurement> | undefined>;
  /** The next updates after a sequence, oldest first, at most `limit`. */
  readAfter(sequence: bigint, limit: number): Promise<readonly Measurement[]>;
  /** The update that was stored last; undefined when it is of before an instant. */
  findNewest(since?: Date): Promise<Measurement | undefined>;
  /** For each instant the newest update no later than it and no older than ten seconds; undefined where there is none. */
  findAt(instants: readonly Date[]): Promise<readonly (Measurement | undefined)[]>;
  newestSequence(): Promise<bigint>;
  prunedSequence(): Promise<bigint>;
  /** Removes updates of before an instant, at most `limit`, and remembers up to where; returns how many it removed. */
  prune(before: Date, limit: number): Promise<number>;
}

/** With the workspace's hash, taken by a transaction that inserts: sequences then grow in the order of commit. */
const INSERT_LOCK = 7_263_103;

/** How old the numbers that a sample is shown with may be, in milliseconds. */
const LATEST_MS = 10_000;

/** The updates of a workspace: rows in, rows out. */
export function createMeasurementStorage(database: Database, workspace: WorkspaceId): MeasurementStorage {
  const rows = database.inWorkspace(workspace);
  const { client } = rows;

  async function readPruned(): Promise<bigint> {
    return (await client.measurementRetention.findFirst())?.prunedSequence ?? 0n;
  }

  return {
    insert: (measurement) =>
      rows.transaction(async ({ client: inside }) => {
        const { detail, ...columns } = toColumns(measurement);
        // A statement of its own: what follows then sees everything that was committed before the lock was had.
        await inside.$executeRaw`SELECT pg_advisory_xact_lock(${INSERT_LOCK}::int, hashtext(${workspace}))`;
        const [row] = await inside.$queryRaw<{ sequence: bigint; previous: bigint }[]>`
          WITH inserted AS (
            INSERT INTO consciousness.measurements (workspace_id, measured_at, phi, coherence, stability, divergence, level,
              collective_awareness, system_health, simulated, detail)
            VALUES (${workspace}, ${columns.measuredAt}::timestamptz, ${columns.phi}::double precision,
              ${columns.coherence}::double precision, ${columns.stability}::double precision,
              ${columns.divergence}::double precision, ${columns.level}::double precision,
              ${columns.collectiveAwareness}::double precision, ${columns.systemHealth}::double precision,
              ${columns.simulated}::boolean, ${JSON.stringify(detail)}::jsonb)
            ON CONFLICT (workspace_id, measured_at) DO NOTHING
            RETURNING sequence
          )
          SELECT inserted.sequence, greatest(
            (SELECT max(sequence) FROM consciousness.measurements WHERE workspace_id = ${workspace}),
            (SELECT pruned_sequence FROM consciousness.measurement_retention WHERE workspace_id = ${workspace}),
            0
          ) AS previous
          FROM inserted`;
        return row && { item: { ...measurement, sequence: row.sequence }, previousSequence: row.previous };
      }),
    async readAfter(sequence, limit) {
      const where = { sequence: { gt: sequence } };
      return (await client.measurement.findMany({ where, orderBy: { sequence: 'asc' }, take: limit })).map(
        readRow,
      );
    },
    async findNewest(since) {
      const row = await client.measurement.findFirst({ orderBy: { sequence: 'desc' } });
      return row && (since === undefined || row.measuredAt >= since) ? readRow(row) : undefined;
    },
    findAt: (instants) => findAt(rows, instants),
    async newestSequence() {
      const select = { sequence: true };
      const newest = await client.measurement.findFirst({ orderBy: { sequence: 'desc' }, select });
      return newest?.sequence ?? readPruned();
    },
    prunedSequence: readPruned,
    prune: (before, limit) =>
      rows.transaction(async ({ client: inside }) => {
        const doomed = await inside.measurement.findMany({
          where: { measuredAt: { lt: before } },
          orderBy: { measuredAt: 'asc' },
          take: limit,
          select: { sequence: true },
        });
        if (doomed.length === 0) return 0;
        const sequences = doomed.map((row) => row.sequence);
        const newest = sequences.reduce((most, sequence) => (sequence > most ? sequence : most));
        await inside.$executeRaw`
          INSERT INTO consciousness.measurement_retention (workspace_id, pruned_sequence)
          VALUES (${workspace}, ${newest})
          ON CONFLICT (workspace_id) DO UPDATE
          SET pruned_sequence = GREATEST(measurement_retention.pruned_sequence, EXCLUDED.pruned_sequence)`;
        const { count } = await inside.measurement.deleteMany({ where: { sequence: { in: sequences } } });
        return count;
      }),
  };
}

async function findAt(
  { client, workspace }: WorkspaceDatabase,
  instants: readonly Date[],
): Promise<readonly (Measurement | undefined)[]> {
  const found = await client.$queryRaw<{ place: number; sequence: bigint }[]>`
    SELECT asked.place::int AS place, latest.sequence
    FROM unnest(${instants.map((at) => at.toISOString())}::timestamptz[]) WITH ORDINALITY AS asked(at, place)
    CROSS JOIN LATERAL (
      SELECT sequence FROM consciousness.measurements
      WHERE workspace_id = ${workspace} AND measured_at <= asked.at
        AND measured_at >= asked.at - make_interval(secs => ${LATEST_MS / 1_000}::double precision)
      ORDER BY measured_at DESC LIMIT 1
    ) AS latest`;
  const where = { sequence: { in: [...new Set(found.map(({ sequence }) => sequence))] } };
  const known = found.length === 0 ? [] : await client.measurement.findMany({ where });
  const bySequence = new Map(known.map((row) => [row.sequence, readRow(row)]));
  const byPlace = new Map(found.map(({ place, sequence }) => [place, bySequence.get(sequence)]));
  return instants.map((_, place) => byPlace.get(place + 1));
}

function readRow(row: unknown): Measurement {
  return toMeasurement(measurementRow.parse(row));
}
