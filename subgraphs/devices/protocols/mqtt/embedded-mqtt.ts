import type { Socket } from 'node:net';
import type { Aedes, Client, Subscription } from 'aedes';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import { readTlsFiles, type TlsFiles } from '../../../../kernel/messaging/tls-files.js';
import type { TopicRoutes } from '../../../../kernel/messaging/topic-routes.js';
import type { KnownDevices } from '../../readings/known-devices.js';
import type { Protocol, ProtocolDeps } from '../protocol.js';
import { hostStateTopic, toHostStateJson } from '../sparkplug/host-state.js';
import { createSparkplug } from '../sparkplug/sparkplug.js';
import { createClaimTopic, type ClaimTopicDeps } from './claim-topic.js';
import { parseDownFilter } from './device-topic.js';
import { createBroker } from './embedded-broker.js';
import { createEmbeddedDoor } from './embedded-door.js';
import { createEmbeddedPublish } from './embedded-publish.js';
import { createMqttIntake } from './mqtt-intake.js';
import { createMqttListener, type MqttListener } from './mqtt-listener.js';
import { createMqttPeer, type MqttPeer } from './mqtt-peer.js';
import { createMqttRights } from './mqtt-rights.js';
import type { PacketWatcher } from './packet-guard.js';

export interface EmbeddedMqttDeps extends ProtocolDeps, Pick<ClaimTopicDeps, 'claimMs' | 'maxClaimants'> {
  readonly devices: Pick<KnownDevices, 'find'>;
  readonly topics?: TopicRoutes | undefined;
  readonly workspaces: readonly WorkspaceId[];
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly maxConnections: number;
  /** Under which name edge nodes of Sparkplug know the host application. */
  readonly hostId: string;
  /** A second listener, over TLS. */
  readonly tls?: EmbeddedTls | undefined;
}

/** How the embedded broker listens over TLS. */
export interface EmbeddedTls extends TlsFiles {
  readonly port: number;
  /** Whether clients without a certificate that is good are refused already by TLS. */
  readonly requireCertificate: boolean;
}

/** How much larger than the largest payload a packet may be and still be answered: a larger one ends the connection. */
const PACKET_ALLOWANCE = 4;
/** What is above says that the subscription was refused. Source: MQTT 3.1.1, §3.9.3. */
const HIGHEST_QOS = 2;

/**
 * Makes an MQTT 3.1.1 broker inside this process, for the topics of devices below `aegis/<workspace>/<device>/`, for
 * Sparkplug B, and for those that other subgraphs ask for. Who connects is let in by a credential of a device or a key of
 * the workspace, and keeps to its own topics; others are refused quietly: it is no general broker. It keeps no sessions,
 * so nothing queues up for a subscriber that is away.
 */
export function createEmbeddedMqtt(deps: EmbeddedMqttDeps): Protocol {
  const { logger, devices, topics } = deps;
  const peers = new WeakMap<Client, MqttPeer>();
  const peerOf = (client: Client) => peers.get(client);
  const claims = createClaimTopic(deps);
  const rights = createMqttRights({ devices, topics });
  const sparkplug = createSparkplug(deps);
  const broker = createBroker({
    ...{ peerOf, onSubscribed, logger },
    door: createEmbeddedDoor({ ...deps, rights, claims, hasAuthority: deps.tls?.authority !== undefined }),
    authorizePublish: createEmbeddedPublish({
      ...{ peerOf, rights, claims, sparkplug, uplink: deps.uplink, logger, publish },
      intake: createMqttIntake({ ...deps, topics, sparkplug }),
    }),
  });
  const listeners = createListeners(deps, onConnection);

  async function onSubscribed(peer: MqttPeer, { topic, qos }: Subscription): Promise<void> {
    if (qos > HIGHEST_QOS) return;
    claims.subscribed(peer, { topic, qos });
    const workspace = peer.principal()?.workspace;
    const down = parseDownFilter(topic);
    if (down?.kind === undefined || workspace === undefined) return;
    const device = await devices.find(workspace, down.device);
    if (device) peer.listens(device.id, down.kind, { topic, qos: qos === 0 ? 0 : 1 });
  }

  function onConnection(socket: Socket): PacketWatcher {
    const peer = createMqttPeer({ sessions: deps.sessions, socket });
    peers.set(broker.handle(socket), peer);
    socket.once('close', () => {
      peer.closed();
      sparkplug.closed(peer);
    });
    return {
      onPuback: peer.writer.acknowledged,
      onDisconnect: peer.leaves,
    };
  }

  function publish(topic: string, payload: string): void {
    broker.publish(
      { cmd: 'publish', topic, payload: Buffer.from(payload), qos: 0, retain: false, dup: false },
      () => undefined,
    );
  }

  /** The host is there as long as its broker is; where that dies, the connections of its nodes tell them. */
  function tellHost(online: boolean): Promise<void> {
    const payload = Buffer.from(toHostStateJson({ online, timestamp: Date.now() }));
    const retained = { topic: hostStateTopic(deps.hostId), payload, qos: 1, retain: true } as const;
    return new Promise((resolve) => {
      broker.publish({ cmd: 'publish', dup: false, ...retained }, () => {
        resolve();
      });
    });
  }

  return {
    name: 'embedded MQTT broker',
    url: () => listeners[0]?.url(),
    moreUrls: () => listeners.slice(1).flatMap((listener) => listener.url() ?? []),
    async start() {
      await broker.listen();
      await tellHost(true);
      for (const listener of listeners) await listener.listen();
      logger.info({ url: listeners.map((listener) => listener.url()) }, 'the MQTT broker listens');
    },
    async stopAccepting() {
      // Its connections stay until `close`: their publishes are refused by now, but what they sent is still acknowledged.
      for (const listener of listeners) listener.stop();
      await tellHost(false);
    },
    async close() {
      for (const listener of listeners) listener.stop();
      await closeBroker(broker);
      // Those that never said who they are, and so are no clients of the broker.
      for (const listener of listeners) listener.destroyConnections();
    },
    health: () =>
      listeners.some((listener) => listener.url() === undefined)
        ? { state: 'DOWN', reason: 'the MQTT broker does not listen' }
        : { state: 'UP' },
  };
}

/** Over TCP, and over TLS as well where that is set. */
function createListeners(
  { host, port, maxConnections, maxPayloadBytes, logger, tls }: EmbeddedMqttDeps,
  onConnection: (socket: Socket) => PacketWatcher,
): readonly MqttListener[] {
  const maxPacketBytes = PACKET_ALLOWANCE * maxPayloadBytes;
  const common = { host, maxConnections, maxPacketBytes, logger, onConnection };
  const plain = createMqttListener({ ...common, port });
  if (!tls) return [plain];
  const readTls = async () => ({
    ...(await readTlsFiles(tls)),
    requestCert: true,
    rejectUnauthorized: tls.requireCertificate,
  });
  return [plain, createMqttListener({ ...common, port: tls.port, tls: readTls })];
}

function closeBroker(broker: Aedes): Promise<void> {
  return new Promise((resolve) => {
    broker.close(resolve);
  });
}
