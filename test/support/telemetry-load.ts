import mqtt, { type MqttClient } from 'mqtt';
import type { AegisSystem } from './aegis-system.js';

/** A device's connection to the broker, with QoS 1 and no memory of unacknowledged messages. */
export async function connectDevice({
  mqttUrl,
  apiKey,
}: Pick<AegisSystem, 'mqttUrl' | 'apiKey'>): Promise<MqttClient> {
  const credentials = apiKey === undefined ? {} : { username: 'token', password: apiKey };
  const client = await mqtt.connectAsync(mqttUrl, {
    ...credentials,
    reconnectPeriod: 0,
    connectTimeout: 10_000,
  });
  client.on('error', () => undefined);
  return client;
}

export interface TelemetryLoad {
  /** The device times of the readings that were acknowledged, in milliseconds since 1970. */
  readonly acknowledged: Set<number>;
  readonly sent: () => number;
  /** Sends no more, and waits for the acknowledgements that are due, or for the connection to be lost. */
  finish(): Promise<void>;
}

export interface TelemetryLoadOptions {
  readonly client: MqttClient;
  readonly device: string;
  readonly metric: string;
  readonly ratePerSecond: number;
  /** The device time of the first reading; each further one is a millisecond later. */
  readonly firstAt: number;
}

/** Publishes readings of one metric at a steady rate, one a message, QoS 1; each value is its number from 0. */
export function publishTelemetry(options: TelemetryLoadOptions): TelemetryLoad {
  const { client, device, metric, ratePerSecond, firstAt } = options;
  const acknowledged = new Set<number>();
  const topic = `aegis/default/${device}/telemetry`;
  const startedAt = performance.now();
  let sent = 0;
  let open = 0;
  let settle: () => void = () => undefined;

  function publishDue(): void {
    const due = Math.floor(((performance.now() - startedAt) / 1_000) * ratePerSecond);
    while (sent < due && client.connected) publishOne(sent++);
  }

  function publishOne(number: number): void {
    const at = firstAt + number;
    open += 1;
    client.publish(topic, JSON.stringify({ ts: at, values: { [metric]: number } }), { qos: 1 }, (error) => {
      open -= 1;
      if (!error) acknowledged.add(at);
      if (open === 0) settle();
    });
  }

  const timer = setInterval(publishDue, 5);
  return {
    acknowledged,
    sent: () => sent,
    async finish() {
      clearInterval(timer);
      if (open === 0 || !client.connected) return;
      await new Promise<void>((resolve) => {
        settle = resolve;
        client.once('close', resolve);
      });
    },
  };
}
