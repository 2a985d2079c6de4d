import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { generate, parser, type Packet } from 'mqtt-packet';
import type { MqttVersion } from '../../../../../kernel/messaging/broker-options.js';
import { createLogger } from '../../../../../kernel/telemetry/logger.js';
import {
  createHostPresence,
  type HostPresence,
} from '../../../../../subgraphs/devices/protocols/sparkplug/host-presence.js';
import { openCuttingProxy } from '../../../../support/cutting-proxy.js';
import { describeWith } from '../../../../support/describe-with.js';
import { startMosquitto, type Mosquitto } from '../../../../support/mosquitto.js';
import { waitFor } from '../../../../support/wait-for.js';
import { createOpened } from '../../../support/opened.js';
import { hearStates } from '../../support/host-states.js';
import { connectMqtt } from '../../support/mqtt.js';

const opened = createOpened();
afterEach(opened.close);

function openPresence(
  url: string,
  {
    clientId = 'one',
    version = '5',
    now = Date.now,
  }: { clientId?: string; version?: MqttVersion; now?: () => number } = {},
): HostPresence {
  const presence = createHostPresence({
    ...{ url, clientId, version, now, hostId: 'aegis', inFlight: 10, maxPayloadBytes: 1_000, tls: {} },
    logger: createLogger({ level: 'silent', pretty: false }),
  });
  opened.keep({ close: presence.leave });
  return presence;
}

describeWith({ programs: ['mosquitto'] }, 'the state of the host at a Mosquitto', () => {
  let mosquitto: Mosquitto;
  beforeEach(async () => {
    mosquitto = opened.keep(await startMosquitto());
  });

  const listen = async () => opened.keep(await hearStates(mosquitto.url, 'aegis'));

  it.each(['5', '3.1.1'] as const)(
    'is told to nodes, also those that come later, with MQTT %s',
    async (version) => {
      const early = await listen();
      const begunAt = Date.now();
      const presence = openPresence(mosquitto.url, { version });
      presence.attend();
      presence.attend();
      const online = await waitFor('it is told', () => early.states[0]);
      expect(online).toMatchObject({ online: true, retain: false });
      expect(online.timestamp).toBeGreaterThanOrEqual(begunAt);
      const late = await listen();
      expect(await waitFor('it is kept', () => late.states[0])).toEqual({ ...online, retain: true });
      await presence.leave();
      const offline = await waitFor('it is told of the end', () => early.states[1]);
      expect(offline).toMatchObject({ online: false });
      expect(offline.timestamp).toBeGreaterThan(online.timestamp);
      // Its will has no say after a goodbye.
      const last = await listen();
      expect(await waitFor('that is kept', () => last.states[0])).toEqual({ ...offline, retain: true });
      expect(early.states).toHaveLength(2);
    },
  );

  it('is told by the will when the connection is lost, with the time of the birth, and anew by the next', async () => {
    const proxy = opened.keep(await openCuttingProxy(mosquitto.url));
    const node = await listen();
    openPresence(proxy.url).attend();
    const born = await waitFor('it is told', () => node.states[0]);
    proxy.cut();
    expect(await waitFor('the will is told', () => node.states[1])).toMatchObject({
      ...{ online: false, timestamp: born.timestamp },
    });
    const again = await waitFor('it is told again', () => node.states[2]);
    expect(again.online).toBe(true);
    expect(again.timestamp).toBeGreaterThan(born.timestamp);
  });

  it('is told again when somebody tells otherwise, with a time that nodes believe', async () => {
    const node = await listen();
    openPresence(mosquitto.url).attend();
    const born = await waitFor('it is told', () => node.states[0]);
    const teller = await connectMqtt(mosquitto.url);
    opened.keep({ close: () => teller.endAsync(true) });
    const tell = (timestamp: number) =>
      teller.publishAsync('spBv1.0/STATE/aegis', JSON.stringify({ online: false, timestamp }), {
        ...{ qos: 1, retain: true },
      });
    await tell(born.timestamp - 1);
    const corrected = await waitFor('it is told again', () => node.states[2]);
    expect(corrected).toEqual(born);
    // A machine whose clock is an hour ahead.
    const ahead = Date.now() + 3_600_000;
    await tell(ahead);
    const anew = await waitFor('it is told anew', () => node.states[4]);
    expect(anew).toMatchObject({ online: true, timestamp: ahead + 1 });
  });

  it.each([
    ['is deleted', ''],
    ['is no state', 'OFFLINE'],
    ['has a time that no clock has', '{"online":false,"timestamp":9007199254740991}'],
  ])('is told again when what the broker keeps %s', async (_what, payload) => {
    const begunAt = Date.now();
    openPresence(mosquitto.url).attend();
    const node = await listen();
    const born = await waitFor('it is told', () => node.states[0]);
    const heard: string[] = [];
    const teller = await connectMqtt(mosquitto.url);
    opened.keep({ close: () => teller.endAsync(true) });
    teller.on('message', (_topic, text) => heard.push(text.toString()));
    await teller.subscribeAsync('spBv1.0/STATE/aegis', { qos: 1 });
    await waitFor('it is kept', () => heard.length === 1);
    const tell = () => teller.publishAsync('spBv1.0/STATE/aegis', payload, { qos: 1, retain: true });
    await tell();
    await waitFor('it is told again', () => heard.length === 3);
    // Whoever goes on is contradicted now and then.
    for (let round = 0; round < 10; round += 1) await tell();
    await waitFor('it is told once more', () => heard.length === 14);
    expect(heard.filter((text) => text !== payload).map((text) => JSON.parse(text) as unknown)).toEqual(
      Array.from({ length: 3 }, () => ({ online: true, timestamp: born.timestamp })),
    );
    const late = await listen();
    const kept = await waitFor('it is kept', () => late.states[0]);
    expect(kept).toEqual({ online: true, timestamp: born.timestamp, retain: true });
    expect(born.timestamp - begunAt).toBeLessThan(60_000);
  });

  it('stays as it is while one process takes over from another, whoever is later', async () => {
    const node = await listen();
    const [first, second] = ['one', 'two'].map((clientId) => openPresence(mosquitto.url, { clientId })) as [
      HostPresence,
      HostPresence,
    ];
    first.attend();
    await waitFor('the first tells', () => node.states.length === 1);
    second.attend();
    await waitFor('the second tells', () => node.states.length === 2);
    await first.leave();
    const last = await waitFor('the second tells again', () =>
      node.states.length > 3 ? node.states.at(-1) : undefined,
    );
    expect(node.states.map(({ online }) => online)).toEqual([true, true, false, true]);
    expect(last.timestamp).toBeGreaterThan(node.states[2]?.timestamp ?? 0);
    // Nobody contradicts anybody any more: what comes next is the last goodbye.
    await second.leave();
    await waitFor('the last goodbye', () => node.states.length > 4);
    expect(node.states.slice(4).map(({ online }) => online)).toEqual([false]);
  });
});

describe('the host at any broker', () => {
  /** A broker that answers and notes what it gets; it speaks MQTT 5. */
  async function openNotingBroker() {
    const packets: Packet[] = [];
    const server = createServer((socket) => {
      const reader = parser();
      const send = (packet: Packet) => socket.write(generate(packet, { protocolVersion: 5 }));
      socket.on('error', () => undefined);
      socket.on('data', (bytes) => reader.parse(bytes));
      reader.on('packet', (packet: Packet) => {
        packets.push(packet);
        if (packet.cmd === 'connect') send({ cmd: 'connack', reasonCode: 0, sessionPresent: false });
        const messageId = packet.messageId ?? 0;
        if (packet.cmd === 'subscribe') send({ cmd: 'suback', messageId, granted: [1] });
        if (packet.cmd === 'publish') send({ cmd: 'puback', messageId, reasonCode: 0 });
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    opened.keep({ close: () => new Promise((resolve) => server.close(resolve)) });
    return { packets, url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  it('leaves a will, keeps no session, listens to its own state, and only then tells that it is there', async () => {
    const { packets, url } = await openNotingBroker();
    const presence = openPresence(url, { now: () => 1_000 });
    presence.attend();
    await waitFor('it tells', () => packets.some(({ cmd }) => cmd === 'publish'));
    await presence.leave();
    const topic = 'spBv1.0/STATE/aegis';
    const state = (online: boolean, timestamp: number) => Buffer.from(JSON.stringify({ online, timestamp }));
    expect(packets).toMatchObject([
      {
        ...{ cmd: 'connect', clean: true, properties: { sessionExpiryInterval: 0 } },
        will: { topic, payload: state(false, 1_000), qos: 1, retain: true },
      },
      { cmd: 'subscribe', subscriptions: [{ topic, qos: 1 }] },
      { cmd: 'publish', topic, payload: state(true, 1_000), qos: 1, retain: true },
      { cmd: 'publish', topic, payload: state(false, 1_001), qos: 1, retain: true },
      { cmd: 'disconnect' },
    ]);
  });
});
