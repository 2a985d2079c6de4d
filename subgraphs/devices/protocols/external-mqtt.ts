import { setTimeout } from 'node:timers/promises';
import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { ERROR_CODES } from '../../../kernel/errors/codes.js';
import type { Health } from '../../../kernel/graphql/subgraph.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import type { Ingest } from '../readings/ingestion.js';
import type { Protocol } from './protocol.js';
import { createRejectionLog, toRejection, type RejectionLog } from './rejection.js';
import { parseTelemetryTopic, rejectedTopic } from './telemetry-topic.js';

export interface ExternalMqttDeps {
  readonly ingest: Ingest;
  readonly logger: Logger;
  /** With credentials, where the broker wants some. */
  readonly url: string;
  readonly clientId: string;
  /** How many messages may await their commit. */
  readonly inFlight: number;
  readonly maxPayloadBytes: number;
  /** How long the start waits for the broker before it goes on without, in milliseconds. */
  readonly startDeadlineMs?: number;
}

/** All processes of one installation share this subscription: the broker gives each message to one of them. */
const SUBSCRIPTION = '$share/aegis-devices/aegis/+/+/telemetry';

/** How long the broker keeps what was not delivered while this process is away, in seconds. */
const SESSION_EXPIRY_SECONDS = 86_400;
const START_DEADLINE_MS = 5_000;
const POLL_MS = 20;
const CONNECT_TIMEOUT_MS = 10_000;
const FIRST_RECONNECT_MS = 500;
const LAST_RECONNECT_MS = 30_000;
/** How much larger than the largest payload a packet may be and still be answered. */
const PACKET_ALLOWANCE = 4;

/**
 * Makes a client of an MQTT 5 broker that takes telemetry on `aegis/<workspace>/<device>/telemetry`, and acknowledges
 * each message only when it is committed. What could not be stored is not acknowledged, and the connection is ended: on
 * the next one the broker delivers it again. The broker decides who may publish where.
 */
export function createExternalMqtt(deps: ExternalMqttDeps): Protocol {
  const { logger, startDeadlineMs = START_DEADLINE_MS } = deps;
  const logRejection = createRejectionLog(logger);
  let client: MqttClient | undefined;
  let accepting = true;
  const window = createWindow(deps.inFlight);
  let health: Health = { state: 'DOWN', reason: 'the MQTT broker has not been reached yet' };

  function onMessage(packet: IPublishPacket, opened: MqttClient): void {
    // The connection it came by: an acknowledgement means nothing on another one.
    const { stream } = opened;
    const reply = (topic: string, payload: string) => opened.publish(topic, payload, { qos: 0 });
    void take(packet, { ingest: deps.ingest, logRejection, reply }).then((outcome) => {
      window.leave();
      if (stream !== opened.stream || stream.destroyed) return;
      if (outcome === 'acknowledge') acknowledge(stream, packet);
      else if (packet.qos > 0) stream.destroy();
    });
  }

  function onConnect(opened: MqttClient): void {
    opened.options.reconnectPeriod = FIRST_RECONNECT_MS;
    opened.subscribe(SUBSCRIPTION, { qos: 1 }, (error, granted) => {
      const refused = error?.message ?? (granted?.some(({ qos }) => qos >= 128) ? 'not allowed' : undefined);
      if (refused !== undefined) {
        onDown(`the MQTT broker refused the subscription ${SUBSCRIPTION}: ${refused}`);
        return;
      }
      health = { state: 'UP' };
      logger.info({ subscription: SUBSCRIPTION }, 'the MQTT broker delivers telemetry');
    });
  }

  function onDown(reason: string): void {
    if (health.state === 'UP') logger.warn({ reason }, 'the MQTT broker is gone; reconnecting');
    health = { state: 'DOWN', reason };
  }

  function open(): MqttClient {
    const opened = connect(deps.url, toClientOptions(deps));
    opened.handleMessage = (packet, done) => {
      if (!accepting) return;
      onMessage(packet, opened);
      window.enter(() => {
        // With an error the client sends no PUBACK and goes on to the next message: the acknowledgement is ours.
        done(new Error('acknowledged once it is committed'));
      });
    };
    opened.on('connect', () => {
      onConnect(opened);
    });
    opened.on('error', (error) => {
      onDown(error.message);
    });
    opened.on('close', () => {
      const { reconnectPeriod = FIRST_RECONNECT_MS } = opened.options;
      opened.options.reconnectPeriod = Math.min(2 * reconnectPeriod, LAST_RECONNECT_MS);
      if (health.state === 'UP') onDown('the connection to the MQTT broker was lost');
    });
    return opened;
  }

  return {
    name: 'external MQTT broker',
    // Its credentials are ours.
    url: () => undefined,
    async start() {
      client = open();
      const deadlineAt = Date.now() + startDeadlineMs;
      while (health.state === 'DOWN' && Date.now() < deadlineAt) await setTimeout(POLL_MS);
      if (health.state === 'DOWN')
        logger.warn({ reason: health.reason }, 'starting without the MQTT broker; connecting');
    },
    stopAccepting() {
      accepting = false;
      return Promise.resolve();
    },
    async close() {
      await client?.endAsync();
    },
    health: () => health,
  };
}

/** Bounds how many messages are on their way: beyond it the client, which reads one after the other, reads no further. */
function createWindow(size: number) {
  let inside = 0;
  let held: (() => void) | undefined;
  return {
    enter(goOn: () => void): void {
      inside += 1;
      if (inside < size) goOn();
      else held = goOn;
    },
    leave(): void {
      inside -= 1;
      // Taken out first: the client may read the next message, and hold that, before the call returns.
      const goOn = held;
      held = undefined;
      goOn?.();
    },
  };
}

function toClientOptions({ clientId, inFlight, maxPayloadBytes }: ExternalMqttDeps): IClientOptions {
  return {
    protocolVersion: 5,
    clientId,
    clean: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: FIRST_RECONNECT_MS,
    reconnectOnConnackError: true,
    // Subscribed on each connection by ourselves, so that health tells the truth about the subscription too.
    resubscribe: false,
    properties: {
      sessionExpiryInterval: SESSION_EXPIRY_SECONDS,
      // A broker that keeps to it never sends more than may wait here; the client also stops reading, if one does not.
      receiveMaximum: inFlight,
      maximumPacketSize: PACKET_ALLOWANCE * maxPayloadBytes,
    },
  };
}

interface TakeDeps {
  readonly ingest: Ingest;
  readonly logRejection: RejectionLog;
  readonly reply: (topic: string, payload: string) => void;
}

/** Takes one message; never throws. `redeliver`: it must come again, on another connection. */
async function take(
  packet: IPublishPacket,
  { ingest, logRejection, reply }: TakeDeps,
): Promise<'acknowledge' | 'redeliver'> {
  const { topic, qos } = packet;
  const named = parseTelemetryTopic(topic);
  if (!named) return 'acknowledge';
  const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
  try {
    // Nothing holds the broker back from sending messages that need no acknowledgement: those are dropped when it is full.
    await ingest({
      ...named,
      payload,
      whenFull: qos === 0 ? 'refuse' : 'wait',
      protocol: 'MQTT',
      source: topic,
    });
    return 'acknowledge';
  } catch (error) {
    if (!(error instanceof AegisError) || ERROR_CODES[error.code].retryable) return 'redeliver';
    logRejection(topic, error);
    reply(rejectedTopic(topic), toRejection(error, payload));
    return 'acknowledge';
  }
}

/** Source: MQTT 5.0, §3.4: PUBACK with reason code 0 is its packet identifier alone. */
function acknowledge(stream: MqttClient['stream'], { qos, messageId }: IPublishPacket): void {
  if (qos !== 1 || messageId === undefined) return;
  // The acknowledgements of one commit leave in one write.
  stream.cork();
  process.nextTick(() => {
    stream.uncork();
  });
  stream.write(Buffer.from([0x40, 2, messageId >> 8, messageId & 0xff]));
}
