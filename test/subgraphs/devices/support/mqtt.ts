import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { waitFor } from '../../../support/wait-for.js';

/** Connects an MQTT 3.1.1 client that does not come back by itself. */
export async function connectMqtt(url: string, options: IClientOptions = {}): Promise<MqttClient> {
  const client = await connectAsync(url, { reconnectPeriod: 0, ...options }, false);
  client.on('error', () => undefined);
  return client;
}

/** A message that a subscriber received. */
export interface Received {
  readonly topic: string;
  readonly payload: unknown;
}

/** Subscribes and gathers what arrives; JSON payloads are parsed. */
export async function gather(client: MqttClient, filter: string): Promise<readonly Received[]> {
  const received: Received[] = [];
  client.on('message', (topic, payload) => {
    received.push({ topic, payload: JSON.parse(payload.toString()) as unknown });
  });
  await client.subscribeAsync(filter, { qos: 1 });
  return received;
}

/** Waits for the message that is received first. */
export function firstOf(received: readonly Received[]): Promise<Received> {
  return waitFor('a message arrives', () => received[0]);
}

/** Waits until the connection of a client is gone. */
export function untilClosed(client: MqttClient): Promise<void> {
  return new Promise((resolve) => {
    client.once('close', () => {
      resolve();
    });
  });
}
