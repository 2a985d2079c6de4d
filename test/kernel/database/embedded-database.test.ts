import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { openEmbeddedDatabase } from '../../../kernel/database/embedded-database.js';
import { DEFAULT_WORKSPACE } from '../../../kernel/identity/principal.js';
import { MIGRATIONS_FOLDER, openTestDatabase } from '../../support/embedded-database.js';

const run = promisify(execFile);

describe('the embedded database', () => {
  it('keeps what was written when its folder is opened again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'aegis-embedded-'));
    try {
      const first = await openEmbeddedDatabase({ folder, migrationsFolder: MIGRATIONS_FOLDER });
      await first.inWorkspace(DEFAULT_WORKSPACE).client.eventCursor.create({
        data: { workspaceId: DEFAULT_WORKSPACE, consumer: 'kept', sequence: 7n },
      });
      await first.close();
      const second = await openEmbeddedDatabase({ folder, migrationsFolder: MIGRATIONS_FOLDER });
      const rows = await second.inWorkspace(DEFAULT_WORKSPACE).client.eventCursor.findMany();
      await second.close();
      expect(rows).toMatchObject([{ consumer: 'kept', sequence: 7n }]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 60_000);

  it('leaves nothing open behind, so that a process can end', async () => {
    const program = `
      import { openTestDatabase } from ${JSON.stringify(join(import.meta.dirname, '../../support/embedded-database.ts'))};
      const database = await openTestDatabase();
      await database.ping();
      await database.close();
      await database.close();
      const closedAt = Date.now();
      process.on('exit', () => process.stdout.write(String(Date.now() - closedAt)));
    `;
    const { stdout } = await run(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '--eval', program],
      {
        timeout: 20_000,
        env: { ...process.env, NODE_OPTIONS: '' },
      },
    );
    // A pool that was not ended would keep the process for its idle timeout of ten seconds.
    expect(Number(stdout)).toBeLessThan(5_000);
  });

  it('serves parallel transactions one after the other over its one connection', async () => {
    const database = await openTestDatabase();
    const { client, transaction } = database.inWorkspace(DEFAULT_WORKSPACE);
    await client.eventCursor.create({
      data: { workspaceId: DEFAULT_WORKSPACE, consumer: 'sum', sequence: 0n },
    });
    await Promise.all(
      Array.from({ length: 10 }, () =>
        transaction(async ({ client: inside }) => {
          const { sequence } = await inside.eventCursor.findFirstOrThrow({ where: { consumer: 'sum' } });
          await inside.eventCursor.updateMany({
            where: { consumer: 'sum' },
            data: { sequence: sequence + 1n },
          });
        }),
      ),
    );
    expect(await client.eventCursor.findFirst({ where: { consumer: 'sum' } })).toMatchObject({
      sequence: 10n,
    });
    await database.close();
  });

  it('tells of each statement when asked to', async () => {
    const statements: string[] = [];
    const database = await openTestDatabase({ onStatement: (sql) => statements.push(sql) });
    await database.inWorkspace(DEFAULT_WORKSPACE).client.eventCursor.findMany();
    await database.close();
    expect(statements).toHaveLength(1);
    expect(statements[0]).toMatch(/^SELECT .*"event_cursors"/);
  });

  it('has a statement parsed once, and planned at each use', async () => {
    const database = await openTestDatabase();
    const { client } = database.inWorkspace(DEFAULT_WORKSPACE);
    const listKept = () =>
      client.$queryRaw<{ statement: string; uses: number }[]>`
        SELECT statement, (generic_plans + custom_plans)::int AS uses FROM pg_prepared_statements`;
    for (let use = 0; use < 7; use += 1) await client.eventCursor.findMany();
    const kept = (await listKept()).filter(({ statement }) => statement.includes('event_cursors'));
    expect(kept).toHaveLength(1);
    expect(kept[0]?.uses).toBe(7);
    expect(await client.$queryRaw`SHOW plan_cache_mode`).toEqual([{ plan_cache_mode: 'force_custom_plan' }]);
    await database.close();
  });

  it('keeps no more statements than a bound, however many there are', async () => {
    const database = await openTestDatabase();
    const { client } = database.inWorkspace(DEFAULT_WORKSPACE);
    for (let length = 1; length <= 300; length += 1) {
      const consumers = Array.from({ length }, (_, index) => `c${index}`);
      await client.eventCursor.findMany({ where: { consumer: { in: consumers } } });
    }
    const [row] = await client.$queryRaw<{ kept: number }[]>`
      SELECT count(*)::int AS kept FROM pg_prepared_statements`;
    expect(row?.kept).toBeGreaterThan(200);
    expect(row?.kept).toBeLessThanOrEqual(256);
    await database.close();
  });
});
