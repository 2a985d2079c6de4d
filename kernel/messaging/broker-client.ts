import { setTimeout } from 'node:timers/promises';
import { connect, type IClientPublishOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import { AegisError } from '../errors/aegis-error.js';
import type { Health } from '../graphql/subgraph.js';
import { untilAborted } from '../lifecycle/until-aborted.js';
import type { Logger } from '../telemetry/logger.js';
import {
  fallBack,
  FIRST_RECONNECT_MS,
  LAST_RECONNECT_MS,
  sharesSubscriptions,
  toClientOptions,
  type BrokerOptions,
} from './broker-options.js';

/**
 * Publishes with QoS 1; resolves once the broker has the message. One that expires is dropped by then, by a broker that
 * speaks MQTT 5.
 *
 * Errors: UNAVAILABLE; CANCELLED by the signal.
 */
export type PublishToBroker = (
  topic: string,
  payload: string | Uint8Array,
  signal: AbortSignal,
  expiresAt?: Date,
) => Promise<void>;

/** The connection to an external broker, which comes back by itself. */
export interface BrokerClient {
  /** Waits for the broker for a while, and goes on without when it is not there. Errors: those of reading certificates. */
  start(): Promise<void>;
  readonly publish: PublishToBroker;
  /** The client when what it was to subscribe to is delivered. */
  find(): MqttClient | undefined;
  health(): Health;
  close(): Promise<void>;
}

export interface BrokerClientDeps extends BrokerOptions {
  /** With credentials, where the broker wants some. */
  readonly url: string;
  readonly logger: Logger;
  /** How long the start waits for the broker before it goes on without, in milliseconds. */
  readonly startDeadlineMs?: number;
  /** Asks for what is to be delivered; tells why it is not, and is called again then. */
  readonly subscribe: (client: MqttClient) => Promise<string | undefined>;
  /** Calls back when the client may go on to the next message. */
  readonly onMessage: (packet: IPublishPacket, client: MqttClient, goOn: (error?: Error) => void) => void;
  readonly onLost: () => void;
}

const START_DEADLINE_MS = 5_000;
const POLL_MS = 20;
/** How long after a refusal it is asked again for what is to be delivered, in milliseconds. */
const SUBSCRIBE_AGAIN_MS = 2_000;

/** Makes the client; each reconnection waits twice as long as the one before. */
export function createBrokerClient(deps: BrokerClientDeps): BrokerClient {
  const { logger, startDeadlineMs = START_DEADLINE_MS } = deps;
  let client: MqttClient | undefined;
  /** How often it has connected. */
  let connections = 0;
  let health: Health = { state: 'DOWN', reason: 'the MQTT broker has not been reached yet' };

  async function onConnect(opened: MqttClient): Promise<void> {
    opened.options.reconnectPeriod = FIRST_RECONNECT_MS;
    if (!sharesSubscriptions(opened.options))
      logger.warn('the MQTT broker is spoken to in 3.1.1, which cannot share: run one process of this kind');
    connections += 1;
    const own = connections;
    for (;;) {
      const refused = await deps.subscribe(opened);
      if (own !== connections) return;
      if (refused === undefined) {
        if (opened.connected) health = { state: 'UP' };
        return;
      }
      onDown(refused);
      // What is refused may be granted later, on the same connection.
      await setTimeout(SUBSCRIBE_AGAIN_MS, undefined, { ref: false });
      if (own !== connections || !opened.connected) return;
    }
  }

  function onDown(reason: string): void {
    if (health.state === 'UP') logger.warn({ reason }, 'the MQTT broker is gone; reconnecting');
    health = { state: 'DOWN', reason };
  }

  async function open(): Promise<MqttClient> {
    const opened = connect(deps.url, await toClientOptions(deps));
    opened.handleMessage = (packet, done) => {
      deps.onMessage(packet, opened, done);
    };
    opened.on('connect', () => {
      void onConnect(opened);
    });
    opened.on('error', (error) => {
      if (fallBack(opened.options, deps, error)) logger.info('the MQTT broker refuses MQTT 5; trying 3.1.1');
      onDown(error.message);
    });
    opened.on('close', () => {
      const { reconnectPeriod = FIRST_RECONNECT_MS } = opened.options;
      opened.options.reconnectPeriod = Math.min(2 * reconnectPeriod, LAST_RECONNECT_MS);
      if (health.state === 'UP') onDown('the connection to the MQTT broker was lost');
      deps.onLost();
    });
    return opened;
  }

  return {
    async start() {
      client = await open();
      const deadlineAt = Date.now() + startDeadlineMs;
      while (health.state === 'DOWN' && Date.now() < deadlineAt) await setTimeout(POLL_MS);
      if (health.state === 'DOWN')
        logger.warn({ reason: health.reason }, 'starting without the MQTT broker; connecting');
    },
    async publish(topic, payload, signal, expiresAt) {
      if (!client?.connected) throw new AegisError('UNAVAILABLE', 'MQTT: the broker cannot be reached.');
      const sent = client.publishAsync(topic, Buffer.from(payload), { qos: 1, ...toExpiry(expiresAt) });
      await untilAborted(sent, signal);
    },
    find: () => (client?.connected === true && health.state === 'UP' ? client : undefined),
    health: () => health,
    async close() {
      await client?.endAsync();
    },
  };
}

/** Source: MQTT 5.0, §3.3.2.3.3: in whole seconds; with 3.1.1 the client leaves it out. */
function toExpiry(expiresAt: Date | undefined): Pick<IClientPublishOptions, 'properties'> {
  if (!expiresAt) return {};
  const seconds = Math.max(1, Math.ceil((expiresAt.getTime() - Date.now()) / 1_000));
  return { properties: { messageExpiryInterval: seconds } };
}
