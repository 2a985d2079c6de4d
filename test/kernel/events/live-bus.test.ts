import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createInProcessLiveBus } from '../../../kernel/events/in-process-live-bus.js';
import type { LiveBus, LiveTopic } from '../../../kernel/events/live-bus.js';
import { createPostgresLiveBus } from '../../../kernel/events/postgres-live-bus.js';
import { DEFAULT_WORKSPACE, parseWorkspaceId } from '../../../kernel/identity/principal.js';
import { createLogger } from '../../../kernel/telemetry/logger.js';
import { describeWith } from '../../support/describe-with.js';
import { createRecordingListener } from '../../support/live-listener.js';
import { startPostgresServer, type PostgresServer } from '../../support/postgres-server.js';
import { waitFor } from '../../support/wait-for.js';

const READINGS: LiveTopic = { workspace: DEFAULT_WORKSPACE, name: 'devices.readings' };
const SAMPLES: LiveTopic = { workspace: DEFAULT_WORKSPACE, name: 'consciousness.samples' };
const LONGEST: LiveTopic = {
  workspace: parseWorkspaceId('w'.repeat(63)) ?? DEFAULT_WORKSPACE,
  name: READINGS.name,
};

const logger = createLogger({ level: 'silent', pretty: false });

/** Where messages are published and where they are heard; the same bus when both are one process. */
interface Buses {
  readonly publisher: LiveBus;
  readonly listener: LiveBus;
}

/** What holds for every bus. */
function behavesLikeALiveBus(open: () => Buses): void {
  let buses: Buses;

  beforeEach(() => {
    buses = open();
  });
  afterEach(async () => {
    await buses.publisher.close();
    await buses.listener.close();
  });

  it('hands messages to every listener of the topic, in their order', async () => {
    const listeners = [createRecordingListener(), createRecordingListener()];
    for (const listener of listeners) await buses.listener.listen(READINGS, listener);
    const published: number[] = [];
    for (let n = 0; n < 2_000; n += 4) {
      const messages = [n, n + 1, n + 2, n + 3];
      published.push(...messages);
      void buses.publisher.publish(READINGS, messages);
    }
    for (const listener of listeners) {
      expect(await listener.waitForMessages(2_000)).toEqual(published);
      expect(listener.lost()).toBe(0);
    }
  });

  it('keeps topics and workspaces apart', async () => {
    const readings = createRecordingListener();
    const samples = createRecordingListener();
    const longest = createRecordingListener();
    await buses.listener.listen(READINGS, readings);
    await buses.listener.listen(SAMPLES, samples);
    await buses.listener.listen(LONGEST, longest);
    await buses.publisher.publish(READINGS, ['reading']);
    await buses.publisher.publish(LONGEST, ['elsewhere']);
    await buses.publisher.publish(SAMPLES, ['sample']);
    expect(await samples.waitForMessages(1)).toEqual(['sample']);
    expect(await longest.waitForMessages(1)).toEqual(['elsewhere']);
    expect(await readings.waitForMessages(1)).toEqual(['reading']);
  });

  it('carries any JSON as it is', async () => {
    const messages = [null, 0, -1.5e300, '', 'Ω\u0000\ud83d\ude00 "\\', [], {}, { a: [true, { b: null }] }];
    const listener = createRecordingListener();
    await buses.listener.listen(READINGS, listener);
    await buses.publisher.publish(READINGS, messages);
    expect(await listener.waitForMessages(messages.length)).toEqual(messages);
  });

  it('tells a listener nothing more once it has left, and others all the same', async () => {
    const left = createRecordingListener();
    const stays = createRecordingListener();
    const leave = await buses.listener.listen(READINGS, left);
    await buses.listener.listen(READINGS, stays);
    await buses.publisher.publish(READINGS, [1]);
    await left.waitForMessages(1);
    leave();
    leave();
    await buses.publisher.publish(READINGS, [2]);
    expect(await stays.waitForMessages(2)).toEqual([1, 2]);
    expect(left.heard).toEqual([1]);
  });

  it('hears a topic again that everybody had left', async () => {
    const leave = await buses.listener.listen(READINGS, createRecordingListener());
    leave();
    const listener = createRecordingListener();
    await buses.listener.listen(READINGS, listener);
    await buses.publisher.publish(READINGS, ['again']);
    expect(await listener.waitForMessages(1)).toEqual(['again']);
  });

  it('lets neither the publisher nor other listeners suffer from a listener that throws', async () => {
    const after = createRecordingListener();
    await buses.listener.listen(READINGS, {
      onMessages() {
        throw new Error('a fault of this listener');
      },
      onLost: () => undefined,
    });
    await buses.listener.listen(READINGS, after);
    await buses.publisher.publish(READINGS, ['heard']);
    expect(await after.waitForMessages(1)).toEqual(['heard']);
  });

  it('publishes to nobody without complaint', async () => {
    await expect(buses.publisher.publish(READINGS, [1])).resolves.toBeUndefined();
    await expect(buses.publisher.publish(READINGS, [])).resolves.toBeUndefined();
  });
}

describe('the live bus in process', () => {
  behavesLikeALiveBus(() => {
    const bus = createInProcessLiveBus({ onListenerError: () => undefined });
    return { publisher: bus, listener: bus };
  });
});

describeWith({ programs: ['postgres'] }, 'the live bus over Postgres', () => {
  let server: PostgresServer;
  let admin: pg.Client;
  const open: LiveBus[] = [];

  /** Stands for a process of its own. */
  function openBus(): LiveBus {
    const bus = createPostgresLiveBus({ url: server.url, logger });
    open.push(bus);
    return bus;
  }

  beforeAll(async () => {
    server = await startPostgresServer();
  });
  beforeEach(async () => {
    admin = new pg.Client({ connectionString: server.url });
    admin.on('error', () => undefined);
    await admin.connect();
  });
  afterEach(async () => {
    await admin.end();
    await Promise.all(open.splice(0).map((bus) => bus.close()));
  });
  afterAll(async () => {
    await server.close();
  });

  describe('between two processes', () => {
    behavesLikeALiveBus(() => ({ publisher: openBus(), listener: openBus() }));
  });

  describe('within one process', () => {
    behavesLikeALiveBus(() => {
      const bus = openBus();
      return { publisher: bus, listener: bus };
    });
  });

  it('keeps the order of each of several publishers', async () => {
    const listener = createRecordingListener();
    await openBus().listen(READINGS, listener);
    const publishers = ['a', 'b', 'c'].map((name) => ({ name, bus: openBus() }));
    const counts = Array.from({ length: 200 }, (_, n) => n);
    await Promise.all(
      publishers.map(({ name, bus }) => Promise.all(counts.map((n) => bus.publish(READINGS, [{ name, n }])))),
    );
    const heard = (await listener.waitForMessages(600)) as { name: string; n: number }[];
    for (const { name } of publishers) {
      expect(heard.filter((message) => message.name === name).map(({ n }) => n)).toEqual(counts);
    }
    expect(listener.lost()).toBe(0);
  });

  it('delivers a message that fills its packet, and refuses one that is larger with nothing published', async () => {
    const [publisher, listener] = [openBus(), createRecordingListener()];
    await openBus().listen(READINGS, listener);
    const fits = 'é'.repeat(3_900);
    await publisher.publish(READINGS, ['before', fits, fits, 'after']);
    expect(await listener.waitForMessages(4)).toEqual(['before', fits, fits, 'after']);
    await expect(publisher.publish(READINGS, ['small', 'é'.repeat(4_000)])).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    });
    await publisher.publish(READINGS, ['next']);
    expect((await listener.waitForMessages(5)).at(-1)).toBe('next');
    expect(listener.lost()).toBe(0);
  });

  it('tells listeners of a lost connection once it is back, and hears again', async () => {
    const [publisher, listener] = [openBus(), createRecordingListener()];
    await openBus().listen(READINGS, listener);
    await publisher.publish(READINGS, [1]);
    await listener.waitForMessages(1);
    const { rowCount } = await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND pid <> pg_backend_pid()`,
    );
    expect(rowCount).toBe(1);
    await listener.waitForLoss();
    await publisher.publish(READINGS, [2]);
    expect(await listener.waitForMessages(2)).toEqual([1, 2]);
  });

  it('tells listeners of messages that a publisher could not send', async () => {
    const [publisher, listener] = [openBus(), createRecordingListener()];
    await openBus().listen(READINGS, listener);
    await publisher.publish(READINGS, [1]);
    await listener.waitForMessages(1);
    await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_notify%' AND pid <> pg_backend_pid()`,
    );
    // Whether the pool has noticed or not: what it could not send is made known, without another message behind it.
    const sent = await publisher.publish(READINGS, [2]).then(
      () => true,
      () => false,
    );
    if (sent) expect(await listener.waitForMessages(2)).toEqual([1, 2]);
    else await listener.waitForLoss();
  });

  it('outlives a restart of the server: publishing fails meanwhile, and listeners are told', async () => {
    const [publisher, listener] = [openBus(), createRecordingListener()];
    await openBus().listen(READINGS, listener);
    await publisher.publish(READINGS, ['before']);
    await listener.waitForMessages(1);
    await admin.end();
    const restarting = server.restart();
    const refusal = waitFor('publishing fails', async () => {
      const outcome: unknown = await publisher
        .publish(READINGS, ['meanwhile'])
        .catch((error: unknown) => error);
      return outcome !== undefined && { outcome };
    });
    expect((await refusal).outcome).toMatchObject({ code: 'UNAVAILABLE' });
    await restarting;
    await listener.waitForLoss();
    await waitFor('a message arrives again', async () => {
      await publisher.publish(READINGS, ['after']).catch(() => undefined);
      return listener.heard.includes('after');
    });
    admin = new pg.Client({ connectionString: server.url });
    await admin.connect();
  });

  it('takes a notification of somebody else for a loss, and goes on', async () => {
    const [publisher, listener] = [openBus(), createRecordingListener()];
    await openBus().listen(READINGS, listener);
    await publisher.publish(READINGS, [1]);
    const channel = await admin.query<{ channel: string }>(
      `SELECT substring(query from '"(.+)"') AS channel FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND pid <> pg_backend_pid()`,
    );
    await admin.query('SELECT pg_notify($1, $2)', [channel.rows[0]?.channel, '{"no": "packet"}']);
    await listener.waitForLoss();
    await publisher.publish(READINGS, [2]);
    expect(await listener.waitForMessages(2)).toEqual([1, 2]);
  });

  it('refuses a listener while the server is out of reach, and leaves nothing behind', async () => {
    const bus = createPostgresLiveBus({ url: 'postgresql://aegis@127.0.0.1:1/none', logger });
    await expect(bus.listen(READINGS, createRecordingListener())).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    await bus.close();
  });
});
