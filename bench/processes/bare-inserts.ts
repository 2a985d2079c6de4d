/* Inserts rows of readings into the bare table, statement after statement: the floor under everything that stores them. */
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { serveTasks } from '../support/tasks.js';

export interface InsertOptions {
  readonly rowsPerStatement: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
}

export interface InsertOutcome {
  readonly rowsPerSecond: number;
  /** Processor time of this process for each row, in microseconds. */
  readonly cpuUsPerRow: number;
}

export type BareInsertTasks = {
  /** PGlite on a folder of its own, with the tables of Aegis. */
  readonly openEmbedded: (options: { readonly folder: string }) => Promise<boolean>;
  /** A Postgres server that has the tables already. */
  readonly openServer: (options: { readonly url: string }) => Promise<boolean>;
  readonly insert: (options: InsertOptions) => Promise<InsertOutcome>;
};

type Query = (sql: string, parameters: unknown[]) => Promise<unknown>;

const MIGRATIONS = fileURLToPath(new URL('../../prisma/migrations/', import.meta.url));

const INSERT = `
  INSERT INTO devices.readings (workspace_id, device_id, metric, measured_at, received_at, value, unit, sequence)
  SELECT 'bench', device_id, 'm0', to_timestamp(measured_us / 1e6), to_timestamp(measured_us / 1e6), value, '1', sequence
  FROM unnest($1::text[], $2::float8[], $3::float8[], $4::bigint[]) AS t(device_id, measured_us, value, sequence)`;

const DEVICES = 8;
/** Within the day for which a partition is there. */
const START_US = Math.floor(Date.now() / 86_400_000) * 86_400_000_000;

const state = { sequence: 0, query: undefined as Query | undefined };

async function applyMigrations(postgres: PGlite): Promise<void> {
  for (const entry of (await readdir(MIGRATIONS, { withFileTypes: true })).sort()) {
    if (entry.isDirectory())
      await postgres.exec(await readFile(`${MIGRATIONS}${entry.name}/migration.sql`, 'utf8'));
  }
  const [from, to] = [START_US, START_US + 86_400_000_000].map((us) => new Date(us / 1_000).toISOString());
  await postgres.exec(
    `CREATE TABLE devices.readings_today PARTITION OF devices.readings FOR VALUES FROM ('${from ?? ''}') TO ('${to ?? ''}')`,
  );
}

/** The columns of rows that no earlier statement has inserted. */
function nextRows(count: number): unknown[] {
  const rows = Array.from({ length: count }, (_, place) => state.sequence + place + 1);
  state.sequence += count;
  return [
    rows.map((row) => `dev_0192f0c1-6b1e-7cc3-98c4-${String(row % DEVICES).padStart(12, '0')}`),
    rows.map((row) => START_US + row),
    rows.map((row) => row + 0.5),
    rows,
  ];
}

async function insertFor(query: Query, durationMs: number, rowsPerStatement: number): Promise<number> {
  const endAt = performance.now() + durationMs;
  let rows = 0;
  while (performance.now() < endAt) {
    await query(INSERT, nextRows(rowsPerStatement));
    rows += rowsPerStatement;
  }
  return rows;
}

serveTasks({
  async openEmbedded({ folder }) {
    const postgres = await PGlite.create({ dataDir: folder });
    await applyMigrations(postgres);
    state.query = (sql, parameters) => postgres.query(sql, parameters);
    return true;
  },
  async openServer({ url }) {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    state.query = (text, values) => client.query({ text, values, name: 'insert' });
    return true;
  },
  async insert({ rowsPerStatement, warmUpMs, windowMs }) {
    const { query } = state;
    if (!query) throw new Error('open a database first');
    await insertFor(query, warmUpMs, rowsPerStatement);
    const begunAt = performance.now();
    const cpu = process.cpuUsage();
    const rows = await insertFor(query, windowMs, rowsPerStatement);
    const { user, system } = process.cpuUsage(cpu);
    return {
      rowsPerSecond: rows / ((performance.now() - begunAt) / 1_000),
      cpuUsPerRow: (user + system) / rows,
    };
  },
} satisfies BareInsertTasks);
