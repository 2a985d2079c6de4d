import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { migrate } from '../../../../kernel/database/migrations.js';
import { MIGRATIONS_FOLDER } from '../../../support/embedded-database.js';

const FOUNDATION = '20261120000000_foundation';
const READINGS = '20261120110000_readings';

let postgres: PGlite;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aegis-migrations-'));
  postgres = await PGlite.create();
}, 30_000);
afterEach(async () => {
  await postgres.close();
  await rm(folder, { recursive: true, force: true });
});

/** Applies one more of the product's migrations. */
async function apply(name: string): Promise<void> {
  await cp(join(MIGRATIONS_FOLDER, name), join(folder, name), { recursive: true });
  const connection = {
    execute: async (sql: string) => {
      await postgres.exec(sql);
    },
    query: async <Row>(sql: string, parameters: readonly unknown[] = []) =>
      (await postgres.query<Row>(sql, [...parameters])).rows,
  };
  await migrate(connection, folder);
}

describe('the migration to partitions', () => {
  it('moves every reading that is there into the partition of its time, and keeps the stream', async () => {
    await apply(FOUNDATION);
    await postgres.exec(`
      INSERT INTO devices.readings (workspace_id, device_id, metric, measured_at, received_at, value, unit, sequence)
      SELECT 'w', 'd', 'm', at, now(), n, '1', n
      FROM unnest(ARRAY[
        now(), now() - interval '1 day', now() - interval '100 days', now() - interval '399 days', now() - interval '5 years',
        date_trunc('month', now() - interval '35 days', 'UTC'),
        date_trunc('month', now() - interval '35 days', 'UTC') - interval '1 microsecond',
        date_trunc('year', now() - interval '400 days', 'UTC') - interval '1 microsecond'
      ]) WITH ORDINALITY AS t(at, n);
      INSERT INTO devices.reading_streams (workspace_id, newest_sequence, pruned_sequence) VALUES ('w', 8, 3)`);
    await apply(READINGS);
    const { rows } = await postgres.query<{ value: number; table: string }>(
      "SELECT value, tableoid::regclass::text AS table FROM devices.readings WHERE sequence = value AND quality = 0 AND unit = '1' ORDER BY sequence",
    );
    expect(rows.map(({ value }) => value)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(rows.map(({ table }) => table.replace('devices.readings_', '').length)).toEqual([
      8, 8, 6, 6, 4, 8, 6, 4,
    ]);
    const streams = await postgres.query(
      'SELECT pruned_sequence, thinned_sequence FROM devices.reading_streams',
    );
    expect(streams.rows).toEqual([{ pruned_sequence: 3, thinned_sequence: 3 }]);
  }, 30_000);

  it('makes the tables of an empty database', async () => {
    await apply(FOUNDATION);
    await apply(READINGS);
    expect((await postgres.query('SELECT FROM devices.readings')).rows).toEqual([]);
  }, 30_000);
});
