import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Aedes } from 'aedes';
import { pino } from 'pino';
import { createHostSource } from '../../../cli/probe/host-source.js';
import { createProbe, type Probe, type ProbeOptions } from '../../../cli/probe/probe.js';
import { SIGNALS } from '../../../cli/probe/signals.js';
import { openFakeAegis, type FakeAegis } from './fake-aegis.js';

interface Message {
  readonly topic: string;
  readonly qos: number;
  readonly body: { readonly ts: number; readonly values: Readonly<Record<string, number>> };
}

interface Broker {
  readonly port: number;
  readonly messages: Message[];
  /** While set, publishes are neither passed on nor acknowledged. */
  silent: boolean;
  /** Answers a device as Aegis answers telemetry that it refuses. */
  refuse(topic: string, code: string): void;
  close(): Promise<void>;
}

async function openBroker(port = 0): Promise<Broker> {
  const aedes = await Aedes.createBroker();
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    aedes.handle(socket);
  });
  const broker: Broker = {
    get port() {
      return (server.address() as AddressInfo).port;
    },
    messages: [],
    silent: false,
    refuse(topic, code) {
      const payload = Buffer.from(JSON.stringify({ code, message: 'refused' }));
      aedes.publish(
        { cmd: 'publish', topic: `${topic}/rejected`, payload, qos: 0, retain: false, dup: false },
        () => undefined,
      );
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await new Promise<void>((resolve) => {
        aedes.close(resolve);
      });
    },
  };
  aedes.authorizePublish = (_client, packet, done) => {
    if (broker.silent) return;
    broker.messages.push({
      topic: packet.topic,
      qos: packet.qos,
      body: JSON.parse(packet.payload.toString()) as Message['body'],
    });
    done(null);
  };
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return broker;
}

let aegis: FakeAegis;
let broker: Broker;
let probe: Probe | undefined;
let lines: { readonly level: number; readonly msg: string }[];

beforeEach(async () => {
  lines = [];
  aegis = await openFakeAegis();
  broker = await openBroker();
});

afterEach(async () => {
  await probe?.close();
  await Promise.all([aegis.close(), broker.close()]);
});

function create(options: Partial<ProbeOptions> = {}): Probe {
  const write = (line: string) => lines.push(JSON.parse(line) as { level: number; msg: string });
  const logger = pino({ level: 'info' }, { write });
  probe = createProbe(createHostSource(logger), {
    graphqlUrl: aegis.url,
    mqttUrl: `mqtt://127.0.0.1:${broker.port}`,
    workspace: 'default',
    logger,
    intervalMs: 20,
    ...options,
  });
  return probe;
}

/** Looks every few milliseconds whether a condition holds; fails when it does not within 10 s. */
async function eventually(condition: () => boolean): Promise<void> {
  const deadlineAt = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadlineAt) throw new Error(`Not so within 10 s: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const warnings = () => lines.filter(({ level }) => level >= 40).map(({ msg }) => msg);

describe('the host probe', () => {
  it('registers the host with its 13 metrics, then publishes a value for each of them, again and again', async () => {
    let clock = 1_700_000_000_000;
    await create({ now: () => (clock += 1000) }).start();
    expect([...aegis.devices.values()]).toMatchObject([
      { name: 'host', metrics: SIGNALS.map(({ name }) => ({ name })) },
    ]);
    await eventually(() => broker.messages.length >= 3);
    const [first, second, third] = broker.messages;
    expect(first).toMatchObject({ topic: 'aegis/default/host/telemetry', qos: 1 });
    expect([first, second, third].map((one) => one?.body.ts)).toEqual(
      [1, 2, 3].map((count) => 1_700_000_000_000 + count * 1000),
    );
    expect(Object.keys(third?.body.values ?? {})).toEqual(SIGNALS.map(({ name }) => name));
    expect(Object.values(third?.body.values ?? {}).every(Number.isFinite)).toBe(true);
    expect(warnings()).toEqual([]);
  });

  it('waits for a server that is not ready yet', async () => {
    aegis.unavailableStatus = 503;
    const started = create().start();
    await eventually(() => aegis.authorizations.length >= 2);
    aegis.unavailableStatus = undefined;
    await started;
    await eventually(() => broker.messages.length >= 1);
    expect(lines.filter(({ msg }) => msg.startsWith('waiting'))).toHaveLength(1);
  });

  it('gives up at its deadline, and says what the last attempt met', async () => {
    aegis.unavailableStatus = 503;
    await expect(create({ registrationDeadlineMs: 300 }).start()).rejects.toMatchObject({
      code: 'UPSTREAM_TIMEOUT',
      message: expect.stringContaining('not yet'),
    });
  });

  it('does not try again when it is refused', async () => {
    aegis.refusal = { code: 'FORBIDDEN', message: 'the key may not register devices', path: [] };
    await expect(create().start()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(aegis.mutations).toEqual(['register']);
  });

  it('drops what is not acknowledged, says so once, and goes on when acknowledgements come again', async () => {
    await create({ ackDeadlineMs: 50 }).start();
    await eventually(() => broker.messages.length >= 1);
    broker.silent = true;
    await eventually(() => warnings().length >= 1);
    const before = broker.messages.length;
    broker.silent = false;
    await eventually(() => lines.some(({ msg }) => msg === 'telemetry is acknowledged again'));
    expect(broker.messages.length).toBeGreaterThan(before);
    expect(warnings()).toEqual(['telemetry is not acknowledged: dropping it']);
  });

  it('rests when its device was removed, and says so', async () => {
    await create().start();
    await eventually(() => broker.messages.length > 0);
    broker.refuse(broker.messages[0]?.topic ?? '', 'NOT_FOUND');
    await eventually(() => lines.some(({ msg }) => msg.includes('the probe rests')));
  });

  it('comes back to a broker that was away, and sees to it that the host is still registered', async () => {
    await create().start();
    await eventually(() => broker.messages.length >= 1);
    const { port } = broker;
    await broker.close();
    await eventually(() => warnings().length >= 1);
    aegis.devices.clear();
    broker = await openBroker(port);
    await eventually(() => broker.messages.length >= 1 && aegis.devices.size === 1);
    expect(warnings()).toEqual(['no connection to the broker: dropping telemetry']);
  });

  it.each(['nothing is acknowledged', 'the broker is away', 'the server is away'])(
    'closes within a second, also while %s',
    async (state) => {
      if (state === 'the server is away') aegis.unavailableStatus = 503;
      const started = create({ ackDeadlineMs: 60_000 })
        .start()
        .catch((error: unknown) => error);
      if (state === 'the server is away') await eventually(() => aegis.authorizations.length >= 1);
      else await eventually(() => broker.messages.length >= 1);
      if (state === 'nothing is acknowledged') broker.silent = true;
      if (state === 'the broker is away') {
        const { port } = broker;
        await broker.close();
        await eventually(() => warnings().length >= 1);
        broker = await openBroker();
        expect(broker.port).not.toBe(port);
      }
      const beganAt = Date.now();
      await probe?.close();
      expect(Date.now() - beganAt).toBeLessThan(1000);
      if (state === 'the server is away') expect(await started).toMatchObject({ code: 'CANCELLED' });
    },
  );
});
