import type { IClientOptions, MqttClient } from 'mqtt';
import { startMosquitto } from '../../../../support/mosquitto.js';
import {
  describeProtocol,
  type ContractPeer,
  type PeerOptions,
  type ReceivedCommand,
} from '../protocol-contract.js';
import { connectMqtt, untilClosed } from '../../support/mqtt.js';

/** A device over MQTT, with QoS 1. */
async function openPeer(
  url: string,
  { devices, device }: PeerOptions,
  options: IClientOptions,
): Promise<ContractPeer> {
  const client = await connectMqtt(url, options);
  const received: ReceivedCommand[] = [];
  const topicOf = (name: string, rest: string) => `aegis/${devices.workspace}/${name}/${rest}`;
  client.on('message', (topic, payload) => {
    if (topic === topicOf(device, 'commands'))
      received.push(JSON.parse(payload.toString()) as ReceivedCommand);
  });
  return {
    async send(name, telemetry) {
      if (!client.connected) throw new Error('its connection has ended');
      const sent = client.publishAsync(topicOf(name, 'telemetry'), telemetry, { qos: 1 });
      await Promise.race([sent, failClosed(client)]);
      return 'taken';
    },
    async listen() {
      await client.subscribeAsync(topicOf(device, 'commands'), { qos: 1 });
    },
    commands: () => received,
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
  acknowledgesCommits: true,
  holdsConnections: true,
  letsIn: true,
  tellsCommands: true,
  noticesGoodbye: true,
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
    acknowledgesCommits: false,
    letsIn: false,
    tellsCommands: true,
    noticesGoodbye: true,
  });
}
