import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import { createBrokerClient, type BrokerClientDeps } from '../../../../kernel/messaging/broker-client.js';
import type { BrokerOptions } from '../../../../kernel/messaging/broker-options.js';
import type { TopicRoutes } from '../../../../kernel/messaging/topic-routes.js';
import type { KnownDevices } from '../../readings/known-devices.js';
import type { Protocol, ProtocolDeps } from '../protocol.js';
import type { ShareDuty } from '../share-duty.js';
import { createFollowedSparkplug } from '../sparkplug/followed-sparkplug.js';
import { createBrokerMessages } from './broker-messages.js';
import { createBrokerSessions } from './broker-sessions.js';
import { createBrokerSubscriptions } from './broker-subscriptions.js';
import { createMqttIntake } from './mqtt-intake.js';

export interface ExternalMqttDeps
  extends Omit<ProtocolDeps, 'admit'>, BrokerOptions, Pick<BrokerClientDeps, 'url' | 'startDeadlineMs'> {
  readonly devices: Pick<KnownDevices, 'find'>;
  readonly topics?: TopicRoutes | undefined;
  readonly workspaces: readonly WorkspaceId[];
  /** Has one of several processes follow the edge nodes of Sparkplug; left out where this process is alone. */
  readonly shareDuty?: ShareDuty | undefined;
  /** For how long a device whose status topic says nothing counts as reached after it was heard, in milliseconds. */
  readonly silentMs: number;
}

/** How often it is looked for devices that fell silent, and for topics that were asked for since, in milliseconds. */
const ROUND_MS = 2_000;

/**
 * Makes a client of an MQTT broker that takes what devices publish below `aegis/<workspace>/<device>/`, and acknowledges
 * each message only when it is committed. What could not be stored is not acknowledged, and the connection is ended: on
 * the next one the broker delivers it again. The broker decides who may publish where.
 *
 * With MQTT 5 all processes share the subscriptions; MQTT 3.1.1 has no such thing, and each process gets every message:
 * there run one process of this subgraph. Edge nodes of Sparkplug are followed by one process in either.
 */
export function createExternalMqtt(deps: ExternalMqttDeps): Protocol {
  let accepting = true;
  let timer: NodeJS.Timeout | undefined;
  const sparkplug = createFollowedSparkplug({
    ...deps,
    onChange() {
      lookAround();
    },
    onLeft(workspace) {
      // `client` is the key of all that come by it.
      sparkplug.host.closed(client, workspace);
    },
  });
  const subscriptions = createBrokerSubscriptions({
    ...{ ...deps, topics: deps.topics },
    followsSparkplug: sparkplug.follows,
  });
  const client = createBrokerClient({
    ...deps,
    subscribe: subscriptions.subscribe,
    onMessage(packet, from, goOn) {
      if (accepting) messages.take(packet, from, goOn);
    },
    onLost() {
      reached.closeAll('the MQTT broker cannot be reached');
    },
  });
  const reached = createBrokerSessions({
    ...deps,
    publish: client.publish,
    nameOf: async (workspace, deviceId) => (await deps.devices.find(workspace, deviceId))?.name ?? deviceId,
  });
  const messages = createBrokerMessages({
    ...deps,
    intake: createMqttIntake({ ...deps, topics: deps.topics, sparkplug: sparkplug.host }),
    source: {
      tells: reached.tells,
      heard: reached.heard,
      onTelemetry: reached.heard,
      sparkplug: {
        key: client,
        async publish(topic, payload, signal) {
          await client.publish(topic, payload, signal);
          return 'SENT';
        },
        end: () => undefined,
      },
    },
  });

  function lookAround(): void {
    reached.closeSilent();
    const connected = client.find();
    if (connected) void subscriptions.update(connected);
  }

  return {
    name: 'external MQTT broker',
    // Its credentials are ours.
    url: () => undefined,
    async start() {
      await client.start();
      timer = setInterval(lookAround, ROUND_MS).unref();
      sparkplug.start();
    },
    stopAccepting() {
      accepting = false;
      return Promise.resolve();
    },
    async close() {
      clearInterval(timer);
      await sparkplug.close();
      await client.close();
    },
    health: client.health,
  };
}
