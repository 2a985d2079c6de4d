import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { openServerDatabase } from '../../../../kernel/database/server-database.js';
import { createInProcessLiveBus } from '../../../../kernel/events/in-process-live-bus.js';
import type { Downlink } from '../../../../subgraphs/devices/sessions/session.js';
import { describeWith } from '../../../support/describe-with.js';
import { MIGRATIONS_FOLDER } from '../../../support/embedded-database.js';
import { startPostgresServer, type PostgresServer } from '../../../support/postgres-server.js';
import { waitFor } from '../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { LAMP, openDownlink, type TestDownlink } from '../support/open-downlink.js';

/** What only a server with several connections can show. */
describeWith({ programs: ['postgres'] }, 'two processes on a Postgres server', () => {
  const opened = createOpened();
  const openedByTest = createOpened();
  let server: PostgresServer;
  let databases: [Database, Database];
  let processes: [TestDownlink, TestDownlink];

  beforeAll(async () => {
    server = opened.keep(await startPostgresServer());
    const open = async (migrationsFolder?: string) =>
      opened.keep(
        await openServerDatabase({
          ...{ url: server.url, poolSize: 4 },
          ...(migrationsFolder ? { migrationsFolder } : {}),
        }),
      );
    databases = [await open(MIGRATIONS_FOLDER), await open()];
  }, OPEN_DEADLINE_MS);
  afterAll(opened.close);
  beforeEach(async () => {
    const bus = createInProcessLiveBus();
    const options = { profile: LAMP, bus, maxQueuedCommands: 20 };
    const one = openedByTest.keep(await openDownlink({ ...options, database: databases[0] }));
    const other = openedByTest.keep(
      await openDownlink({ ...options, database: databases[1], workspace: one.workspace }),
    );
    processes = [one, other];
  });
  afterEach(openedByTest.close);

  const send = (
    { commands, request }: TestDownlink,
    deviceId: string,
    times: number,
    idempotencyKey?: string,
  ) =>
    commands.send(
      { deviceId, action: 'blink', input: { times }, idempotencyKey: idempotencyKey ?? null },
      request,
    );

  it('send each command once, and in the order of the queue', async () => {
    const [one] = processes;
    const id = await one.addDevice();
    const received: Downlink[] = [];
    const take = (downlink: Downlink) => {
      received.push(downlink);
      return Promise.resolve('DELIVERED' as const);
    };
    for (const process of processes) process.connect(id, take);
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => send(processes[index % 2 === 0 ? 0 : 1], id, index + 1)),
    );
    await waitFor('all have come', () => received.length >= 20, { deadlineMs: 20_000 });
    const { deviceCommands } = one.commands.createLoaders(one.workspace);
    const queue = await waitFor('all are delivered', async () => {
      const key = { deviceId: id, states: undefined, limit: 50, behind: undefined };
      const commands = await deviceCommands.clear(key).load(key);
      return commands.every(({ state }) => state === 'DELIVERED') && commands;
    });
    const sent = received.map((downlink) => (downlink.kind === 'command' ? downlink.id : ''));
    expect(sent).toEqual(queue.map((command) => command.id).reverse());
  });

  it('make one command of one key, and keep the bound of a queue', async () => {
    const [one, other] = processes;
    const id = await one.addDevice();
    const same = await Promise.all(
      [0, 1, 0, 1].map((index) => send(index === 0 ? one : other, id, 1, 'once')),
    );
    expect(new Set(same.map(({ command }) => command?.id)).size).toBe(1);
    const many = await Promise.all(
      Array.from({ length: 30 }, (_, index) => send(index % 2 === 0 ? one : other, id, index + 1)),
    );
    expect(many.filter(({ command }) => command !== null)).toHaveLength(19);
  });

  it('refuse one of two changes of what is desired, and lose none of what is reported', async () => {
    const [one, other] = processes;
    const id = await one.addDevice();
    const desire = ({ twins, request }: TestDownlink, level: number) =>
      twins.updateDesired({ deviceId: id, patch: { level }, expectedVersion: 0 }, request);
    const outcomes = await Promise.all([desire(one, 1), desire(other, 2)]);
    expect(outcomes.filter(({ twin }) => twin !== null)).toHaveLength(1);
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        processes[index % 2 === 0 ? 0 : 1].report(id, { [`k${index}`]: index }),
      ),
    );
    const twin = await one.twins.createLoaders(one.workspace).twins.load(id);
    expect(twin.version).toBe(21);
    expect(Object.keys(twin.reported)).toHaveLength(20);
  });

  it('agree on the end of a command that is cancelled, answered and sent at once', async () => {
    const [one, other] = processes;
    const id = await one.addDevice();
    for (const process of processes) process.connect(id);
    for (let round = 0; round < 10; round += 1) {
      const { command } = await send(one, id, round + 1);
      const commandId = command?.id ?? '';
      const [cancelled] = await Promise.all([
        other.commands.cancel({ id: commandId }, other.request),
        one.answer(id, commandId, { state: 'EXECUTED', output: { blinked: 1 } }),
      ]);
      const state = (await one.commands.createLoaders(one.workspace).commands.load(commandId))?.state;
      expect(state).toBe(cancelled.userErrors.length === 0 ? 'CANCELLED' : 'EXECUTED');
      const ends = (await one.facts(commandId)).filter(({ type }) => /executed|cancelled/.test(type));
      expect(ends).toHaveLength(1);
    }
  });
});
