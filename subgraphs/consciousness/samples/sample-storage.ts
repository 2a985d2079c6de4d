import { z } from 'zod';
import type { Database } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { nodeMeasurement, type NewSample, type Sample, type StoredSample } from './sample.js';

/** The stored samples of one workspace. */
export interface SampleStorage {
  /**
   * Stores a sample and returns it with its place in the order of commit; undefined when the workspace already has one of
   * that instant, taken by another process.
   */
  insert(sample: NewSample): Promise<StoredSample | undefined>;
  /** The next samples after a sequence, oldest first, at most `limit`. */
  readAfter(sequence: bigint, limit: number): Promise<readonly Sample[]>;
  /** The samples of instants after one, up to another, oldest first; the newest `limit` of them. */
  readBetween(range: SampleRange): Promise<readonly Sample[]>;
  /** The sample that was stored last. */
  findNewest(): Promise<Sample | undefined>;
  /** The greatest sequence that is stored; when retention has removed all of them, that of the last one. 0 for none. */
  newestSequence(): Promise<bigint>;
  /** Up to which sequence samples have been removed by retention; 0 when none has. */
  prunedSequence(): Promise<bigint>;
  /** Removes samples of before an instant, at most `limit`, and remembers up to where; returns how many it removed. */
  prune(before: Date, limit: number): Promise<number>;
}

/** A stretch of time, and the most samples to read of it. */
export interface SampleRange {
  readonly after: Date;
  readonly upTo: Date;
  readonly limit: number;
}

/** With the workspace's hash, taken by a transaction that inserts: sequences then grow in the order of commit. */
const INSERT_LOCK = 7_263_102;

interface SampleRow {
  readonly sequence: bigint;
  readonly sampledAt: Date;
  readonly coherence: number | null;
  readonly windowMs: number;
  readonly nodes: unknown;
}

const nodeMeasurements = z.array(nodeMeasurement);

function toSample({ sequence, sampledAt, coherence, windowMs, nodes }: SampleRow): Sample {
  return { sequence, sampledAt, coherence, windowMs, nodes: nodeMeasurements.parse(nodes) };
}

/** The samples of a workspace: rows in, rows out. */
export function createSampleStorage(database: Database, workspace: WorkspaceId): SampleStorage {
  const rows = database.inWorkspace(workspace);
  const { client } = rows;

  async function readPruned(): Promise<bigint> {
    return (await client.sampleRetention.findFirst())?.prunedSequence ?? 0n;
  }

  return {
    insert: (sample) =>
      rows.transaction(async ({ client: inside }) => {
        const { sampledAt, coherence, windowMs, nodes } = sample;
        // A statement of its own: the next one then sees everything that was committed before the lock was had, and so the
        // sequence that is drawn, and the one before it, are in the order of commit.
        await inside.$executeRaw`SELECT pg_advisory_xact_lock(${INSERT_LOCK}::int, hashtext(${workspace}))`;
        const [row] = await inside.$queryRaw<{ sequence: bigint; previous: bigint }[]>`
          WITH inserted AS (
            INSERT INTO consciousness.samples (workspace_id, sampled_at, coherence, window_ms, nodes)
            VALUES (${workspace}, ${sampledAt}::timestamptz, ${coherence}::double precision, ${windowMs}::int,
                    ${JSON.stringify(nodes)}::jsonb)
            ON CONFLICT (workspace_id, sampled_at) DO NOTHING
            RETURNING sequence
          )
          SELECT inserted.sequence, greatest(
            (SELECT max(sequence) FROM consciousness.samples WHERE workspace_id = ${workspace}),
            (SELECT pruned_sequence FROM consciousness.sample_retention WHERE workspace_id = ${workspace}),
            0
          ) AS previous
          FROM inserted`;
        return row && { sample: { ...sample, sequence: row.sequence }, previousSequence: row.previous };
      }),
    async readAfter(sequence, limit) {
      const where = { sequence: { gt: sequence } };
      return (await client.sample.findMany({ where, orderBy: { sequence: 'asc' }, take: limit })).map(
        toSample,
      );
    },
    async readBetween({ after, upTo, limit }) {
      const where = { sampledAt: { gt: after, lte: upTo } };
      const found = await client.sample.findMany({ where, orderBy: { sampledAt: 'desc' }, take: limit });
      return found.reverse().map(toSample);
    },
    async findNewest() {
      const row = await client.sample.findFirst({ orderBy: { sequence: 'desc' } });
      return row ? toSample(row) : undefined;
    },
    async newestSequence() {
      const newest = await client.sample.findFirst({
        orderBy: { sequence: 'desc' },
        select: { sequence: true },
      });
      return newest?.sequence ?? readPruned();
    },
    prunedSequence: readPruned,
    prune: (before, limit) =>
      rows.transaction(async ({ client: inside }) => {
        const doomed = await inside.sample.findMany({
          where: { sampledAt: { lt: before } },
          orderBy: { sampledAt: 'asc' },
          take: limit,
          select: { sequence: true },
        });
        if (doomed.length === 0) return 0;
        const sequences = doomed.map((row) => row.sequence);
        const newest = sequences.reduce((most, sequence) => (sequence > most ? sequence : most));
        await inside.$executeRaw`
          INSERT INTO consciousness.sample_retention (workspace_id, pruned_sequence) VALUES (${workspace}, ${newest})
          ON CONFLICT (workspace_id)
          DO UPDATE SET pruned_sequence = GREATEST(sample_retention.pruned_sequence, EXCLUDED.pruned_sequence)`;
        const { count } = await inside.sample.deleteMany({ where: { sequence: { in: sequences } } });
        return count;
      }),
  };
}
