import { randomUUID } from 'node:crypto';
import { connect, type MqttClient } from 'mqtt';
import { withDeadline } from '../../kernel/lifecycle/lifecycle.js';
import type { Logger } from '../../kernel/telemetry/logger.js';

export interface PublisherOptions {
  readonly mqttUrl: string;
  readonly topic: string;
  /** Presented as the password, where the broker asks for one. */
  readonly token?: string | undefined;
  readonly logger: Logger;
  /** How long a message may wait for its acknowledgement before it is dropped, in milliseconds. */
  readonly ackDeadlineMs: number;
  /** The most messages that wait at once; what comes above that is dropped. */
  readonly maxInFlight: number;
  /** Called when a lost connection stands again: the broker may be another one by now. */
  readonly onReconnect: () => void;
  /** Called when Aegis answers that it does not take what is published, with the code of the refusal. */
  readonly onRejected: (code: string) => void;
}

export interface TelemetryPublisher {
  /** Begins to connect, and goes on as long as it is not closed. */
  open(): void;
  /** Sends a message with QoS 1, or drops it when there is no connection or too much is under way. */
  publish(payload: string): void;
  /** Waits a moment for what is under way, then leaves. Takes less than a second. */
  close(): Promise<void>;
}

const RECONNECT_MS = 1000;
const CONNECT_DEADLINE_MS = 5000;
/** The two halves of closing: waiting for acknowledgements, and saying goodbye. */
const CLOSE_STEP_MS = 300;

/** What keeps telemetry from arriving. */
type Trouble = 'NO_CONNECTION' | 'NO_ACKNOWLEDGEMENT';

/** Publishes one device's telemetry over MQTT. Trouble is logged when it begins and when it is over, not in between. */
export function createTelemetryPublisher(options: PublisherOptions): TelemetryPublisher {
  const { mqttUrl, topic, logger, ackDeadlineMs, maxInFlight } = options;
  const underWay = new Map<Promise<void>, NodeJS.Timeout>();
  let client: MqttClient | undefined;
  let trouble: Trouble | undefined;
  let acknowledged = 0;

  function report(found: Trouble | undefined, reason = ''): void {
    if (found === trouble) return;
    trouble = found;
    const where = { broker: new URL(mqttUrl).host, topic };
    if (found === undefined) logger.info(where, 'telemetry is acknowledged again');
    else if (found === 'NO_CONNECTION')
      logger.warn({ ...where, reason }, 'no connection to the broker: dropping telemetry');
    else logger.warn(where, 'telemetry is not acknowledged: dropping it');
  }

  function send(to: MqttClient, payload: string): void {
    const { promise, resolve } = withResolvers();
    to.publish(topic, payload, { qos: 1 }, (error) => {
      if (!error) {
        acknowledged += 1;
        report(undefined);
      }
      resolve();
    });
    const acknowledgedBefore = acknowledged;
    const id = to.getLastMessageId();
    const timer = setTimeout(() => {
      // One that was lost while later ones arrived is no news any more.
      if (to.connected && acknowledged === acknowledgedBefore) report('NO_ACKNOWLEDGEMENT');
      to.removeOutgoingMessage(id);
      resolve();
    }, ackDeadlineMs);
    const sending = promise.then(() => {
      clearTimeout(timer);
      underWay.delete(sending);
    });
    underWay.set(sending, timer);
  }

  return {
    open() {
      const opened = connect(mqttUrl, {
        clientId: `aegis-probe-${randomUUID().slice(0, 8)}`,
        reconnectPeriod: RECONNECT_MS,
        connectTimeout: CONNECT_DEADLINE_MS,
        reconnectOnConnackError: true,
        ...(options.token === undefined ? {} : { username: 'token', password: options.token }),
      });
      let connectedBefore = false;
      opened.on('connect', () => {
        opened.subscribe(`${topic}/rejected`, { qos: 0 });
        if (connectedBefore) options.onReconnect();
        connectedBefore = true;
      });
      opened.on('message', (_topic, payload) => {
        options.onRejected(readCode(payload.toString()));
      });
      opened.on('error', (error) => {
        report('NO_CONNECTION', error.message);
      });
      opened.on('close', () => {
        if (client === opened) report('NO_CONNECTION', 'the connection was closed');
      });
      client = opened;
    },
    publish(payload) {
      if (client?.connected && underWay.size < maxInFlight) send(client, payload);
    },
    async close() {
      const leaving = client;
      client = undefined;
      if (!leaving) return;
      const answered = await inTime(Promise.all(underWay.keys()));
      for (const timer of underWay.values()) clearTimeout(timer);
      // Without force, the client would first wait for what the broker has not acknowledged.
      const left = await inTime(leaving.endAsync(!answered || !leaving.connected));
      if (!left) leaving.stream.destroy();
    },
  };
}

/** Whether something came about within a step of closing. */
async function inTime(work: Promise<unknown>): Promise<boolean> {
  try {
    await withDeadline(work, CLOSE_STEP_MS, 'leaving the broker');
    return true;
  } catch {
    return false;
  }
}

function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** The code of a refusal; empty when the text is none. */
function readCode(text: string): string {
  try {
    const refusal: unknown = JSON.parse(text);
    const isRefusal = typeof refusal === 'object' && refusal !== null && 'code' in refusal;
    return isRefusal && typeof refusal.code === 'string' ? refusal.code : '';
  } catch {
    return '';
  }
}
