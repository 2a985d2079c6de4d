import type { IClientOptions, MqttClient } from 'mqtt';
import { startMosquitto } from '../../../../support/mosquitto.js';
import { connectMqtt, untilClosed } from '../../support/mqtt.js';
import { toJson, type ContractPeer, type PeerOptions } from '../contract/contract-protocol.js';
import { createInbox, EXECUTED } from '../contract/inbox.js';
import { describeProtocol } from '../protocol-contract.js';

/** A device over MQTT, with QoS 1. */
async function openPeer(
  url: string,
  { devices, device }: PeerOptions,
  options: IClientOptions,
): Promise<ContractPeer> {
  const client = await connectMqtt(url, options);
  const inbox = createInbox();
  let measured: number | undefined;
  const topicOf = (name: string, rest: string) => `aegis/${devices.workspace}/${name}/${rest}`;
  const takers: Readonly<Record<string, (message: unknown) => unknown>> = {
    [topicOf(device, 'commands')]: inbox.command,
    [topicOf(device, 'desired')]: inbox.desired,
    [topicOf(device, 'reads')](message) {
      inbox.read(message);
      if (measured !== undefined)
        void publish(topicOf(device, 'telemetry'), toJson([{ value: measured }])).catch(() => undefined);
    },
  };
  client.on('message', (topic, payload) => takers[topic]?.(JSON.parse(payload.toString())));

  async function publish(topic: string, payload: string): Promise<void> {
    if (!client.connected) throw new Error('its connection has ended');
    await Promise.race([client.publishAsync(topic, payload, { qos: 1 }), failClosed(client)]);
  }

  return {
    async send(name, readings) {
      await publish(topicOf(name, 'telemetry'), toJson(readings));
      return 'taken';
    },
    async listen() {
      await client.subscribeAsync(Object.keys(takers), { qos: 1 });
    },
    commands: () => inbox.commands,
    intervals: () => inbox.intervals,
    execute: ({ id = '' }) => publish(topicOf(device, `commands/${id}/answer`), EXECUTED),
    report: (interval) => publish(topicOf(device, 'reported'), JSON.stringify({ interval })),
    measures(value) {
      measured = value;
    },
    questions: () => inbox.reads.length,
    close: () => client.endAsync(!client.connected),
  };
}

async function failClosed(client: MqttClient): Promise<never> {
  await untilClosed(client);
  throw new Error('its connection has ended');
}

describeProtocol({
  name: 'the embedded MQTT broker',
  kind: 'MQTT',
  open: () => Promise.resolve({ env: {}, close: () => Promise.resolve() }),
  connect: (options) =>
    openPeer(options.devices.mqttUrl, options, { username: options.device, password: options.token }),
  ...{ admits: 'US', delivers: 'EVERY', payload: 'TIMED', acknowledges: 'COMMIT', holdsConnections: true },
  ...{ commands: 'ENVELOPE', commandReaches: 'DELIVERED', goodbye: 'SEEN' },
});

for (const version of ['3.1.1', '5'] as const) {
  let url = '';
  describeProtocol({
    name: `an external broker with MQTT ${version}`,
    kind: 'MQTT',
    programs: ['mosquitto'],
    async open() {
      const mosquitto = await startMosquitto();
      url = mosquitto.url;
      const env = { AEGIS_MQTT_URL: url, AEGIS_MQTT_VERSION: version };
      return { env, close: () => mosquitto.close() };
    },
    async connect(options) {
      const status = `aegis/${options.devices.workspace}/${options.device}/status`;
      const will = { topic: status, payload: Buffer.from('offline'), qos: 1 as const, retain: true };
      const peer = await openPeer(url, options, { will });
      const teller = await connectMqtt(url);
      const tell = (word: string) => teller.publishAsync(status, word, { qos: 1, retain: true });
      let closed = false;
      return {
        ...peer,
        // A device says that it is there once it listens.
        async listen() {
          await peer.listen();
          await tell('online');
        },
        async close() {
          if (closed) return;
          closed = true;
          await tell('offline');
          await teller.endAsync();
          await peer.close();
        },
      };
    },
    ...{ admits: 'BROKER', delivers: 'EVERY', payload: 'TIMED', acknowledges: 'RECEIPT' },
    ...{ commands: 'ENVELOPE', commandReaches: 'SENT', goodbye: 'SEEN' },
  });
}
