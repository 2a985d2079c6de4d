import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../kernel/database/database.js';
import { openServerDatabase } from '../../../kernel/database/server-database.js';
import { createEventLog, EVENTS_TOPIC, type EventLog } from '../../../kernel/events/event-log.js';
import { createInProcessLiveBus } from '../../../kernel/events/in-process-live-bus.js';
import { DEFAULT_WORKSPACE, parseWorkspaceId, type WorkspaceId } from '../../../kernel/identity/principal.js';
import { describeWith } from '../../support/describe-with.js';
import { MIGRATIONS_FOLDER, openTestDatabase } from '../../support/embedded-database.js';
import { createRecordingListener } from '../../support/live-listener.js';
import { startPostgresServer, type PostgresServer } from '../../support/postgres-server.js';
import { waitFor } from '../../support/wait-for.js';

const OTHER = parseWorkspaceId('other') ?? DEFAULT_WORKSPACE;
const NOW = new Date('2026-01-31T12:00:00.000Z');

describe('the event log', () => {
  const bus = createInProcessLiveBus();
  let database: Database;
  let log: EventLog;

  beforeAll(async () => {
    database = await openTestDatabase();
    log = createEventLog({ database, bus, now: () => NOW });
  });
  afterAll(async () => {
    await database.close();
  });

  function append(type: string, workspace = DEFAULT_WORKSPACE): Promise<void> {
    return database
      .inWorkspace(workspace)
      .transaction((transaction) => log.append(transaction, { source: '/test', type, data: { of: type } }));
  }

  it('gives facts back as CloudEvents, in the order of their commit, to their workspace alone', async () => {
    await database.inWorkspace(DEFAULT_WORKSPACE).transaction(async (transaction) => {
      await log.append(transaction, {
        source: '/test',
        type: 'first',
        subject: 'dev_1',
        data: { a: [1, null] },
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      });
      await log.append(transaction, { source: '/test', type: 'second', data: null as never });
    });
    await append('elsewhere', OTHER);
    const events = await log.readAfter(DEFAULT_WORKSPACE, 0n, 10);
    expect(events).toEqual([
      {
        specversion: '1.0',
        id: expect.stringMatching(/^evt_[0-9a-f]{32}$/),
        source: '/test',
        type: 'first',
        subject: 'dev_1',
        time: NOW,
        datacontenttype: 'application/json',
        data: { a: [1, null] },
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        sequence: expect.any(BigInt),
        workspaceid: DEFAULT_WORKSPACE,
      },
      expect.objectContaining({ type: 'second', data: null }),
    ]);
    expect(events[1]).not.toHaveProperty('subject');
    expect(await log.readAfter(DEFAULT_WORKSPACE, events[0]?.sequence ?? 0n, 10)).toEqual([events[1]]);
    expect(await log.readAfter(DEFAULT_WORKSPACE, 0n, 1)).toEqual([events[0]]);
  });

  it('forgets a fact whose transaction rolls back, and announces only what was committed', async () => {
    const listener = createRecordingListener();
    const leave = await bus.listen({ workspace: DEFAULT_WORKSPACE, name: EVENTS_TOPIC }, listener);
    const before = await log.readAfter(DEFAULT_WORKSPACE, 0n, 100);
    const work = database.inWorkspace(DEFAULT_WORKSPACE).transaction(async (transaction) => {
      await log.append(transaction, { source: '/test', type: 'never', data: {} });
      throw new Error('rolled back');
    });
    await expect(work).rejects.toThrow('rolled back');
    expect(listener.heard).toEqual([]);
    await append('after');
    expect(listener.heard).toEqual([null]);
    leave();
    const events = await log.readAfter(DEFAULT_WORKSPACE, 0n, 100);
    expect(events.slice(before.length).map(({ type }) => type)).toEqual(['after']);
  });
});

describeWith({ programs: ['postgres'] }, 'the event log of several writers on a Postgres server', () => {
  let server: PostgresServer;
  let database: Database;

  beforeAll(async () => {
    server = await startPostgresServer();
    database = await openServerDatabase({
      url: server.url,
      poolSize: 8,
      migrationsFolder: MIGRATIONS_FOLDER,
    });
  });
  afterAll(async () => {
    await database.close();
    await server.close();
  });

  it('lets a second writer wait for the first, so that no fact shows before one of a lower sequence', async () => {
    const log = createEventLog({ database, bus: createInProcessLiveBus() });
    let commitFirst: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      commitFirst = resolve;
    });
    const append = (type: string, workspace: WorkspaceId, hold?: Promise<void>) =>
      database.inWorkspace(workspace).transaction(async (transaction) => {
        await log.append(transaction, { source: '/test', type, data: {} });
        await hold;
      });
    const first = append('first', DEFAULT_WORKSPACE, held);
    const { client } = database.inWorkspace(DEFAULT_WORKSPACE);
    const countLocks = (granted: boolean) =>
      client.$queryRaw<
        unknown[]
      >`SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted = ${granted}`;
    await waitFor('the first has appended', async () => (await countLocks(true)).length === 1);
    const second = append('second', DEFAULT_WORKSPACE);
    await waitFor('the second waits', async () => (await countLocks(false)).length === 1);
    // Other workspaces have an order of their own.
    await append('elsewhere', OTHER);
    expect(await log.readAfter(DEFAULT_WORKSPACE, 0n, 10)).toEqual([]);
    commitFirst();
    await Promise.all([first, second]);
    const events = await log.readAfter(DEFAULT_WORKSPACE, 0n, 10);
    expect(events.map(({ type }) => type)).toEqual(['first', 'second']);
  });
});
