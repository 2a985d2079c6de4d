import { setTimeout } from 'node:timers/promises';
import { connect, type IPublishPacket, type MqttClient } from 'mqtt';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { Health } from '../../../../kernel/graphql/subgraph.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import { untilAborted } from '../../../../kernel/lifecycle/until-aborted.js';
import type { TopicRoutes } from '../../../../kernel/messaging/topic-routes.js';
import type { KnownDevices } from '../../readings/known-devices.js';
import type { Protocol, ProtocolDeps } from '../protocol.js';
import { createSparkplug } from '../sparkplug/sparkplug.js';
import {
  fallBack,
  FIRST_RECONNECT_MS,
  LAST_RECONNECT_MS,
  sharesSubscriptions,
  toClientOptions,
  type BrokerOptions,
} from './broker-options.js';
import { createBrokerMessages } from './broker-messages.js';
import { createBrokerSessions } from './broker-sessions.js';
import { createBrokerSubscriptions } from './broker-subscriptions.js';
import { createMqttIntake } from './mqtt-intake.js';

export interface ExternalMqttDeps extends Omit<ProtocolDeps, 'admit'>, BrokerOptions {
  readonly devices: Pick<KnownDevices, 'find'>;
  readonly topics?: TopicRoutes | undefined;
  readonly workspaces: readonly WorkspaceId[];
  /** With credentials, where the broker wants some. */
  readonly url: string;
  /** For how long a device whose status topic says nothing counts as reached after it was heard, in milliseconds. */
  readonly silentMs: number;
  /** How long the start waits for the broker before it goes on without, in milliseconds. */
  readonly startDeadlineMs?: number;
}

const START_DEADLINE_MS = 5_000;
const POLL_MS = 20;
/** How often it is looked for devices that fell silent, and for topics that were asked for since, in milliseconds. */
const ROUND_MS = 2_000;

/**
 * Makes a client of an MQTT broker that takes what devices publish below `aegis/<workspace>/<device>/`, and acknowledges
 * each message only when it is committed. What could not be stored is not acknowledged, and the connection is ended: on
 * the next one the broker delivers it again. The broker decides who may publish where.
 *
 * With MQTT 5 all processes share the subscriptions; MQTT 3.1.1 has no such thing, and each process gets every message:
 * there run one process of this subgraph.
 */
export function createExternalMqtt(deps: ExternalMqttDeps): Protocol {
  const { logger, startDeadlineMs = START_DEADLINE_MS } = deps;
  let client: MqttClient | undefined;
  let accepting = true;
  let timer: NodeJS.Timeout | undefined;
  let health: Health = { state: 'DOWN', reason: 'the MQTT broker has not been reached yet' };
  const sparkplugKey = {};
  const subscriptions = createBrokerSubscriptions({ ...deps, topics: deps.topics });
  const broker = createBrokerSessions({ ...deps, publish, nameOf });
  const messages = createBrokerMessages({
    logger,
    inFlight: deps.inFlight,
    intake: createMqttIntake({ ...deps, topics: deps.topics, sparkplug: createSparkplug(deps) }),
    source: {
      tells: broker.tells,
      heard: broker.heard,
      onTelemetry: (workspace, deviceId) => {
        broker.heard(workspace, deviceId);
      },
      sparkplug: {
        key: sparkplugKey,
        async publish(topic, payload, signal) {
          await publish(topic, payload, signal);
          return 'SENT';
        },
        end: () => undefined,
      },
    },
  });

  async function publish(topic: string, payload: string | Uint8Array, signal: AbortSignal): Promise<void> {
    if (!client?.connected) {
      throw new AegisError('UNAVAILABLE', 'MQTT: the broker cannot be reached.');
    }
    const sent = client.publishAsync(topic, Buffer.from(payload), { qos: 1 });
    await untilAborted(sent, signal);
  }

  async function nameOf(workspace: WorkspaceId, deviceId: string): Promise<string> {
    return (await deps.devices.find(workspace, deviceId))?.name ?? deviceId;
  }

  async function onConnect(opened: MqttClient): Promise<void> {
    opened.options.reconnectPeriod = FIRST_RECONNECT_MS;
    if (!sharesSubscriptions(opened.options))
      logger.warn('the MQTT broker speaks 3.1.1, which cannot share: run one process of this subgraph');
    const refused = await subscriptions.subscribe(opened);
    if (refused === undefined) health = { state: 'UP' };
    else onDown(refused);
  }

  function onDown(reason: string): void {
    if (health.state === 'UP') logger.warn({ reason }, 'the MQTT broker is gone; reconnecting');
    health = { state: 'DOWN', reason };
  }

  async function open(): Promise<MqttClient> {
    const opened = connect(deps.url, await toClientOptions(deps));
    opened.handleMessage = (packet, done) => {
      if (accepting) messages.take(packet as IPublishPacket, opened, done);
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
      broker.closeAll('the MQTT broker cannot be reached');
    });
    return opened;
  }

  function lookAround(): void {
    broker.closeSilent();
    if (client?.connected && health.state === 'UP') void subscriptions.subscribeNew(client);
  }

  return {
    name: 'external MQTT broker',
    // Its credentials are ours.
    url: () => undefined,
    async start() {
      client = await open();
      timer = globalThis.setInterval(lookAround, ROUND_MS).unref();
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
      clearInterval(timer);
      await client?.endAsync();
    },
    health: () => health,
  };
}
