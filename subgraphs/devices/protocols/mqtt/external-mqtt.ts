import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import {
  createBrokerClient,
  type BrokerClient,
  type BrokerClientDeps,
} from '../../../../kernel/messaging/broker-client.js';
import type { BrokerOptions } from '../../../../kernel/messaging/broker-options.js';
import type { TopicRoutes } from '../../../../kernel/messaging/topic-routes.js';
import type { KnownDevices } from '../../readings/known-devices.js';
import type { Protocol, ProtocolDeps } from '../protocol.js';
import type { ShareDuty } from '../share-duty.js';
import { createFollowedSparkplug, type FollowedSparkplug } from '../sparkplug/followed-sparkplug.js';
import { createHostPresence } from '../sparkplug/host-presence.js';
import { createBrokerMessages } from './broker-messages.js';
import { createBrokerSessions } from './broker-sessions.js';
import { createBrokerSubscriptions, type BrokerSubscriptions } from './broker-subscriptions.js';
import { createMqttIntake } from './mqtt-intake.js';

export interface ExternalMqttDeps
  extends Omit<ProtocolDeps, 'admit'>, BrokerOptions, Pick<BrokerClientDeps, 'url' | 'startDeadlineMs'> {
  readonly devices: Pick<KnownDevices, 'find'>;
  readonly topics?: TopicRoutes | undefined;
  readonly workspaces: readonly WorkspaceId[];
  /** Has one of several processes follow the edge nodes of Sparkplug; left out where this process is alone. */
  readonly shareDuty?: ShareDuty | undefined;
  /** Under which name edge nodes of Sparkplug know the host application. */
  readonly hostId: string;
  /** For how long a device whose status topic says nothing counts as reached after it was heard, in milliseconds. */
  readonly silentMs: number;
}

/** How often it is looked for devices that fell silent, and for topics that were asked for since, in milliseconds. */
const ROUND_MS = 2_000;
/** For how long the connection may be gone before edge nodes are told that their host is, in milliseconds. */
const HOST_GRACE_MS = 10_000;

/**
 * Makes a client of an MQTT broker that takes what devices publish below `aegis/<workspace>/<device>/`, and acknowledges
 * each message only when it is committed. What could not be stored is not acknowledged, and the connection is ended: on
 * the next one the broker delivers it again. The broker decides who may publish where.
 *
 * With MQTT 5 all processes share the subscriptions; MQTT 3.1.1 has no such thing, and each process gets every message:
 * there run one process of this subgraph. Edge nodes of Sparkplug are followed by one process in either, and that of the
 * first workspace is who tells them that their host is there.
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

  const host = createHostWatch({ ...deps, client, subscriptions, sparkplug, isAccepting: () => accepting });

  function lookAround(): void {
    reached.closeSilent();
    const connected = client.find();
    if (connected) void subscriptions.update(connected).then(host.look);
    else host.look();
  }

  return {
    name: 'external MQTT broker',
    // Its credentials are ours.
    url: () => undefined,
    async start() {
      await client.start();
      timer = setInterval(lookAround, ROUND_MS).unref();
      sparkplug.start();
      lookAround();
    },
    async stopAccepting() {
      accepting = false;
      await host.close();
    },
    async close() {
      clearInterval(timer);
      accepting = false;
      // Before another process takes over.
      await host.close();
      await sparkplug.close();
      await client.close();
    },
    health: client.health,
    lacks: subscriptions.missing,
  };
}

interface HostWatch {
  /** Looks whether edge nodes are to be told otherwise. */
  look(): void;
  /** Tells them that the host is gone. */
  close(): Promise<void>;
}

interface HostWatchDeps extends ExternalMqttDeps {
  readonly client: Pick<BrokerClient, 'find'>;
  readonly subscriptions: Pick<BrokerSubscriptions, 'hasSparkplug'>;
  readonly sparkplug: Pick<FollowedSparkplug, 'follows'>;
  readonly isAccepting: () => boolean;
}

/**
 * Tells edge nodes whether their host is there: in the process that follows those of the first workspace, once what they say
 * is delivered to it. A connection that is made anew at once is no absence: nodes would begin anew, too.
 */
function createHostWatch(deps: HostWatchDeps): HostWatch {
  const { client, subscriptions, sparkplug, isAccepting } = deps;
  const [workspace] = deps.workspaces;
  const presence = createHostPresence(deps);
  let connectedAtMs = 0;
  return {
    look() {
      if (client.find()) connectedAtMs = Date.now();
      const isConnected = Date.now() - connectedAtMs < HOST_GRACE_MS;
      const isHost = workspace !== undefined && sparkplug.follows(workspace);
      const isHeard = isHost ? subscriptions.hasSparkplug(workspace) : false;
      if (isHeard === false || !isConnected || !isAccepting()) void presence.leave();
      else if (isHeard) presence.attend();
    },
    close: presence.leave,
  };
}
