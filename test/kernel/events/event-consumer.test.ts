import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database, Transaction } from '../../../kernel/database/database.js';
import { createEventConsumer, type EventConsumer } from '../../../kernel/events/event-consumer.js';
import { createEventLog, type CloudEvent, type EventLog } from '../../../kernel/events/event-log.js';
import { createInProcessLiveBus } from '../../../kernel/events/in-process-live-bus.js';
import { DEFAULT_WORKSPACE } from '../../../kernel/identity/principal.js';
import { createLogger } from '../../../kernel/telemetry/logger.js';
import { openTestDatabase } from '../../support/embedded-database.js';
import { waitFor } from '../../support/wait-for.js';

const logger = createLogger({ level: 'silent', pretty: false });
const bus = createInProcessLiveBus();

let database: Database;
let log: EventLog;
let consumers = 0;

beforeAll(async () => {
  database = await openTestDatabase();
  log = createEventLog({ database, bus });
});
afterAll(async () => {
  await database.close();
});
beforeEach(async () => {
  const { client } = database.inWorkspace(DEFAULT_WORKSPACE);
  await client.event.deleteMany();
  await client.device.deleteMany();
  consumers += 1;
});

/** Appends facts of these types, each in a transaction of its own. */
async function tell(...types: string[]): Promise<void> {
  for (const type of types) {
    await database
      .inWorkspace(DEFAULT_WORKSPACE)
      .transaction((transaction) => log.append(transaction, { source: '/test', type, data: {} }));
  }
}

/** A handler that leaves a row for each fact, numbered in the order of handling: one that came twice would fail. */
async function record({ type, id }: CloudEvent, { client, workspace }: Transaction): Promise<void> {
  const place = await client.device.count();
  await client.device.create({ data: { workspaceId: workspace, id, name: `${place} ${type}` } });
}

async function readRecord(): Promise<string[]> {
  const rows = await database.inWorkspace(DEFAULT_WORKSPACE).client.device.findMany();
  const places = rows.map(({ name }) => name.split(' ') as [string, string]);
  return places.sort(([a], [b]) => Number(a) - Number(b)).map(([, type]) => type);
}

async function waitForRecord(...types: string[]): Promise<void> {
  await waitFor(
    `the record holds ${types.length} facts`,
    async () => (await readRecord()).length >= types.length,
  );
  expect(await readRecord()).toEqual(types);
}

function createConsumer(
  handle: (event: CloudEvent, transaction: Transaction) => Promise<void> = record,
  pollMs = 60_000,
): EventConsumer {
  return createEventConsumer({
    name: `consumer-${consumers}`,
    workspace: DEFAULT_WORKSPACE,
    database,
    log,
    bus,
    logger,
    handle,
    pollMs,
  });
}

describe('a consumer of the event log', () => {
  it('handles what it finds at its start before the start is over, then what is told', async () => {
    await tell('a', 'b');
    const consumer = createConsumer();
    await consumer.start();
    expect(await readRecord()).toEqual(['a', 'b']);
    await tell('c');
    await waitForRecord('a', 'b', 'c');
    await consumer.close();
  });

  it('reads more than one page', async () => {
    const types = Array.from({ length: 205 }, (_, n) => `t${n}`);
    await tell(...types);
    const consumer = createConsumer();
    await consumer.start();
    expect(await readRecord()).toEqual(types);
    await consumer.close();
  });

  it('goes on where it stopped: each fact exactly once across a restart', async () => {
    const first = createConsumer();
    await first.start();
    await tell('a');
    await waitForRecord('a');
    await first.close();
    await tell('b', 'c');
    expect(await readRecord()).toEqual(['a']);
    const second = createConsumer();
    await second.start();
    expect(await readRecord()).toEqual(['a', 'b', 'c']);
    await second.close();
  });

  it('undoes what a failing handler wrote, tries again, and keeps the order', async () => {
    let failures = 2;
    const consumer = createConsumer(async (event, transaction) => {
      await record(event, transaction);
      if (event.type === 'b' && failures > 0) {
        failures -= 1;
        throw new Error('not now');
      }
    }, 20);
    await tell('a', 'b', 'c');
    await consumer.start();
    await waitForRecord('a', 'b', 'c');
    expect(failures).toBe(0);
    await consumer.close();
  });

  it('starts even when its first fact cannot be handled yet', async () => {
    await tell('a');
    const consumer = createConsumer(() => Promise.reject(new Error('never')));
    await consumer.start();
    expect(await readRecord()).toEqual([]);
    await consumer.close();
  });

  it('shares its place with another of its name: each fact once between them', async () => {
    const pair = [createConsumer(), createConsumer()];
    await Promise.all(pair.map((consumer) => consumer.start()));
    const types = Array.from({ length: 30 }, (_, n) => `t${n}`);
    await tell(...types);
    await waitForRecord(...types);
    await Promise.all(pair.map((consumer) => consumer.close()));
  });

  it('reads on its own from time to time, should an announcement be lost', async () => {
    const deaf = createEventLog({ database, bus: createInProcessLiveBus() });
    const consumer = createConsumer(record, 20);
    await consumer.start();
    await database
      .inWorkspace(DEFAULT_WORKSPACE)
      .transaction((transaction) =>
        deaf.append(transaction, { source: '/test', type: 'unannounced', data: {} }),
      );
    await waitForRecord('unannounced');
    await consumer.close();
  });

  it('handles nothing more once it is closed', async () => {
    const consumer = createConsumer(record, 20);
    await consumer.start();
    await consumer.close();
    consumers += 1;
    const witnessed: string[] = [];
    const witness = createConsumer(({ type }) => {
      witnessed.push(type);
      return Promise.resolve();
    });
    await witness.start();
    await tell('late');
    await waitFor('another has handled it', () => witnessed.includes('late'));
    await witness.close();
    expect(await readRecord()).toEqual([]);
  });
});
