import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import {
  migrate,
  MigrationEdited,
  MigrationUnfinished,
  type SqlConnection,
} from '../../../kernel/database/migrations.js';
import { migrateServer } from '../../../kernel/database/server-database.js';
import { describeWith } from '../../support/describe-with.js';
import { MIGRATIONS_FOLDER } from '../../support/embedded-database.js';
import { startPostgresServer, type PostgresServer } from '../../support/postgres-server.js';

const NOTES = 'CREATE TABLE notes (id INT PRIMARY KEY);';

interface OpenConnection extends SqlConnection {
  close(): Promise<void>;
}

/** Writes `name → SQL` as a migrations folder. */
async function writeMigrations(folder: string, migrations: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, sql] of Object.entries(migrations)) {
    await mkdir(join(folder, name), { recursive: true });
    await writeFile(join(folder, name, 'migration.sql'), sql);
  }
}

/** What holds for every Postgres; each test finds it empty. */
function behavesLikeAMigrationRunner(open: () => Promise<OpenConnection>): void {
  let folder = '';
  let connection: OpenConnection;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aegis-migrations-'));
    connection = await open();
  });
  afterEach(async () => {
    await connection.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('applies what is missing in the order of names, once', async () => {
    await writeMigrations(folder, { '2_more': 'ALTER TABLE notes ADD COLUMN text TEXT;', '1_notes': NOTES });
    expect(await migrate(connection, folder)).toEqual({ applied: ['1_notes', '2_more'], alreadyApplied: 0 });
    expect(await migrate(connection, folder)).toEqual({ applied: [], alreadyApplied: 2 });
    await writeMigrations(folder, { '3_last': 'DROP TABLE notes;' });
    expect(await migrate(connection, folder)).toEqual({ applied: ['3_last'], alreadyApplied: 2 });
  });

  it('refuses a file that was edited after it was applied, and names it', async () => {
    await writeMigrations(folder, { '1_notes': NOTES });
    await migrate(connection, folder);
    await writeMigrations(folder, { '1_notes': `${NOTES} -- edited` });
    const refusal = migrate(connection, folder);
    await expect(refusal).rejects.toBeInstanceOf(MigrationEdited);
    await expect(refusal).rejects.toThrow(/1_notes .*Restore the file/);
  });

  it('leaves nothing of a migration that fails, and keeps those before it', async () => {
    await writeMigrations(folder, {
      '1_notes': NOTES,
      '2_bad': 'CREATE TABLE half (id INT); SELECT nonsense;',
    });
    await expect(migrate(connection, folder)).rejects.toThrow(/nonsense/);
    const tables = await connection.query<{ name: string }>(
      `SELECT tablename AS name FROM pg_tables WHERE tablename IN ('notes', 'half')`,
    );
    expect(tables).toEqual([{ name: 'notes' }]);
    await writeMigrations(folder, { '2_bad': 'CREATE TABLE half (id INT);' });
    expect(await migrate(connection, folder)).toEqual({ applied: ['2_bad'], alreadyApplied: 1 });
  });

  it('refuses to go on from a migration that was begun elsewhere and never finished', async () => {
    await writeMigrations(folder, { '1_notes': NOTES });
    await migrate(connection, folder);
    await connection.query(
      `INSERT INTO public._prisma_migrations (id, checksum, migration_name) VALUES ('b', 'c', '2_begun')`,
    );
    await expect(migrate(connection, folder)).rejects.toBeInstanceOf(MigrationUnfinished);
    await connection.query(`UPDATE public._prisma_migrations SET rolled_back_at = now() WHERE id = 'b'`);
    expect(await migrate(connection, folder)).toEqual({ applied: [], alreadyApplied: 1 });
  });

  it('keeps the ledger as Prisma Migrate does', async () => {
    await writeMigrations(folder, { '1_notes': NOTES });
    await migrate(connection, folder);
    const rows = await connection.query<Record<string, unknown>>('SELECT * FROM public._prisma_migrations');
    expect(rows).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        // sha256sum of the file.
        checksum: '21c6aa05cb1dbe9b76adc874dc5e5739c252845500de00b7bb3d483fd3b2d943',
        migration_name: '1_notes',
        logs: null,
        rolled_back_at: null,
        started_at: expect.any(Date),
        finished_at: expect.any(Date),
        applied_steps_count: 1,
      },
    ]);
  });

  it('frees its lock, whether it succeeds or fails', async () => {
    await writeMigrations(folder, { '1_bad': 'SELECT nonsense;' });
    await expect(migrate(connection, folder)).rejects.toThrow();
    expect(await connection.query(`SELECT 1 FROM pg_locks WHERE locktype = 'advisory'`)).toEqual([]);
  });
}

describe('migrations on the embedded Postgres', () => {
  let postgres: PGlite;

  beforeAll(async () => {
    postgres = await PGlite.create();
  });
  afterAll(async () => {
    await postgres.close();
  });

  behavesLikeAMigrationRunner(async () => {
    await postgres.exec('DROP SCHEMA public CASCADE; CREATE SCHEMA public;');
    return {
      execute: async (sql) => {
        await postgres.exec(sql);
      },
      query: async <Row>(sql: string, parameters: readonly unknown[] = []) =>
        (await postgres.query<Row>(sql, [...parameters])).rows,
      close: () => Promise.resolve(),
    };
  });
});

describeWith({ programs: ['postgres'] }, 'migrations on a Postgres server', () => {
  let server: PostgresServer;
  let databases = 0;

  beforeAll(async () => {
    server = await startPostgresServer();
  });
  afterAll(async () => {
    await server.close();
  });

  /** A database with nothing in it, by its URL. */
  async function createDatabase(): Promise<string> {
    databases += 1;
    const admin = new pg.Client({ connectionString: server.url });
    await admin.connect();
    await admin.query(`CREATE DATABASE fresh_${databases}`);
    await admin.end();
    return server.url.replace(/\/postgres$/, `/fresh_${databases}`);
  }

  behavesLikeAMigrationRunner(async () => {
    const client = new pg.Client({ connectionString: await createDatabase() });
    await client.connect();
    return {
      execute: async (sql) => {
        await client.query(sql);
      },
      query: async <Row>(sql: string, parameters: readonly unknown[] = []) =>
        (await client.query(sql, [...parameters])).rows as Row[],
      close: () => client.end(),
    };
  });

  it('lets only one of several processes apply each migration', async () => {
    const url = await createDatabase();
    const outcomes = await Promise.all(
      Array.from({ length: 4 }, () => migrateServer(url, MIGRATIONS_FOLDER)),
    );
    const applied = outcomes.map((outcome) => outcome.applied.length).sort();
    expect(applied.slice(0, 3)).toEqual([0, 0, 0]);
    expect(applied[3]).toBeGreaterThan(0);
  });
});
