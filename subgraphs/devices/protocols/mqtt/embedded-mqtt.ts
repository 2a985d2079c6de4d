import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { Aedes, type AuthenticateError, type Client, type Subscription } from 'aedes';
import type { TopicRoutes } from '../../../../kernel/messaging/topic-routes.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import type { KnownDevices } from '../../readings/known-devices.js';
import type { Protocol, ProtocolDeps } from '../protocol.js';
import { createSparkplug } from '../sparkplug/sparkplug.js';
import { createClaimTopic } from './claim-topic.js';
import { createEmbeddedPublish } from './embedded-publish.js';
import { parseDownFilter } from './device-topic.js';
import { createMqttIntake } from './mqtt-intake.js';
import { createMqttListener } from './mqtt-listener.js';
import { createMqttPeer, type MqttPeer } from './mqtt-peer.js';
import { createMqttRights } from './mqtt-rights.js';
import { readTlsFiles, type TlsFiles } from './tls-files.js';
import type { PacketWatcher } from './packet-guard.js';

export interface EmbeddedMqttDeps extends ProtocolDeps {
  readonly devices: Pick<KnownDevices, 'find'>;
  readonly topics?: TopicRoutes | undefined;
  readonly workspaces: readonly WorkspaceId[];
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly maxConnections: number;
  /** A second listener, over TLS. */
  readonly tls?: EmbeddedTls | undefined;
}

export interface EmbeddedTls extends TlsFiles {
  readonly port: number;
  /** Whether clients without a certificate that is good are refused already by TLS. */
  readonly requireCertificate: boolean;
}

/** How much larger than the largest payload a packet may be and still be answered: a larger one ends the connection. */
const PACKET_ALLOWANCE = 4;
/** How long a subscriber that does not read is waited for, in milliseconds. */
const DRAIN_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** An id of a client gets what it came with in front of it. */
const MAX_CLIENT_ID = 256;
/** Source: MQTT 3.1.1, §3.2.2.3. */
const SERVER_UNAVAILABLE = 3;

/**
 * Makes an MQTT 3.1.1 broker inside this process, for the topics of devices below `aegis/<workspace>/<device>/`, for
 * Sparkplug B, and for those that other subgraphs ask for. Who connects is let in by a credential of a device or a key of
 * the workspace, and keeps to its own topics; others are refused quietly: it is no general broker. It keeps no sessions,
 * so nothing queues up for a subscriber that is away.
 */
export function createEmbeddedMqtt(deps: EmbeddedMqttDeps): Protocol {
  const { logger, host, maxConnections, devices } = deps;
  const peers = new WeakMap<Client, MqttPeer>();
  const claims = createClaimTopic(deps);
  const rights = createMqttRights({ devices, topics: deps.topics });
  const sparkplug = createSparkplug(deps);
  const intake = createMqttIntake({ ...deps, topics: deps.topics, sparkplug });
  const broker = new Aedes({
    connectTimeout: CONNECT_TIMEOUT_MS,
    drainTimeout: DRAIN_TIMEOUT_MS,
    maxClientsIdLength: MAX_CLIENT_ID,
    preConnect(client, packet, done) {
      // [MQTT-3.1.2-6] A session that ends with its connection; CONNACK then says that none is present.
      packet.clean = true;
      // [MQTT-3.1.4-2] A client ends another one of the same id: only one that came with the same credentials.
      if (packet.clientId !== '') packet.clientId = `${digestOf(client, packet)}-${packet.clientId}`;
      done(null, true);
    },
    authenticate(client, username, password, done) {
      const peer = peers.get(client);
      if (!peer) {
        done(null, false);
        return;
      }
      authenticate(client, username, password?.toString())
        .then((admitted) => {
          done(null, admitted);
        })
        .catch((error: unknown) => {
          logger.debug({ err: error }, 'an MQTT client could not be checked');
          done(
            Object.assign(new Error('unavailable'), { returnCode: SERVER_UNAVAILABLE }) as AuthenticateError,
            false,
          );
        });
    },
    authorizeSubscribe(client, subscription, done) {
      maySubscribe(client, subscription.topic).then(
        (allowed) => {
          done(null, allowed ? subscription : null);
        },
        () => {
          done(null, null);
        },
      );
    },
    authorizePublish: createEmbeddedPublish({
      peerOf: (client) => peers.get(client),
      rights,
      intake,
      claims,
      logger,
      publish,
    }),
  });
  const listeners = createListeners();
  watch();

  async function authenticate(
    client: Client,
    username: string | undefined,
    password: string | undefined,
  ): Promise<boolean> {
    const peer = peers.get(client);
    const socket = client.conn as Socket;
    const address = socket.remoteAddress;
    if (peer && claims.admits(peer, { username, password, address })) return true;
    const principal = await deps.admit({
      username,
      password,
      address,
      certificateFingerprint: fingerprintOf(socket),
    });
    if (principal) peer?.admitted(principal);
    return principal !== undefined;
  }

  async function maySubscribe(client: Client, filter: string): Promise<boolean> {
    const peer = peers.get(client);
    const principal = peer?.principal();
    if (!peer || !principal) return peer !== undefined && claims.maySubscribe(peer, filter);
    return rights.maySubscribe(principal, filter);
  }

  async function onSubscribed(peer: MqttPeer, { topic, qos }: Subscription): Promise<void> {
    claims.subscribed(peer, { topic, qos });
    const workspace = peer.principal()?.workspace;
    const down = parseDownFilter(topic);
    if (down?.kind === undefined || workspace === undefined || qos > 2) return;
    const device = await devices.find(workspace, down.device);
    if (device) peer.listens(device.id, down.kind, { topic, qos: qos === 0 ? 0 : 1 });
  }

  function watch(): void {
    logErrors(broker, logger);
    broker.on('clientReady', (client) => peers.get(client)?.ready());
    broker.on('subscribe', (subscriptions, client) => {
      const peer = peers.get(client);
      for (const subscription of peer ? subscriptions : []) {
        if (!peer) continue;
        onSubscribed(peer, subscription).catch((error: unknown) => {
          logger.warn({ err: error }, 'could not look up who listens for its commands');
        });
      }
    });
    broker.on('unsubscribe', (topics, client) => {
      for (const topic of topics) peers.get(client)?.deaf(topic);
    });
  }

  function onConnection(socket: Socket): PacketWatcher {
    const peer = createMqttPeer({ sessions: deps.sessions, socket });
    peers.set(broker.handle(socket), peer);
    socket.once('close', () => {
      peer.closed();
      sparkplug.closed(peer);
    });
    return {
      onPuback: (messageId) => {
        peer.writer.acknowledged(messageId);
      },
      onDisconnect: () => {
        peer.leaves();
      },
    };
  }

  function createListeners() {
    const common = {
      ...{ host, maxConnections, logger, onConnection },
      maxPacketBytes: PACKET_ALLOWANCE * deps.maxPayloadBytes,
    };
    const { tls } = deps;
    const plain = createMqttListener({ ...common, port: deps.port });
    if (!tls) return [plain];
    const readTls = async () => ({
      ...(await readTlsFiles(tls)),
      requestCert: true,
      rejectUnauthorized: tls.requireCertificate,
    });
    return [plain, createMqttListener({ ...common, port: tls.port, tls: readTls })];
  }

  /** A certificate counts as one that its holder has proved to have: of an authority that is named, or of any. */
  function fingerprintOf(socket: Socket): string | undefined {
    if (!(socket instanceof TLSSocket) || (deps.tls?.authority !== undefined && !socket.authorized))
      return undefined;
    const raw: unknown = socket.getPeerCertificate().raw;
    return raw instanceof Uint8Array ? createHash('sha256').update(raw).digest('hex') : undefined;
  }

  function digestOf(
    client: Client,
    { username, password }: { username?: string; password?: Buffer },
  ): string {
    return createHash('sha256')
      .update(JSON.stringify([username, password?.toString('base64'), fingerprintOf(client.conn as Socket)]))
      .digest('hex')
      .slice(0, 16);
  }

  function publish(topic: string, payload: string): void {
    broker.publish(
      { cmd: 'publish', topic, payload: Buffer.from(payload), qos: 0, retain: false, dup: false },
      () => undefined,
    );
  }

  return {
    name: 'embedded MQTT broker',
    url: () => listeners[0]?.url(),
    moreUrls: () => listeners.slice(1).flatMap((listener) => listener.url() ?? []),
    async start() {
      await broker.listen();
      for (const listener of listeners) await listener.listen();
      logger.info({ url: listeners.map((listener) => listener.url()) }, 'the MQTT broker listens');
    },
    stopAccepting() {
      // Its connections stay until `close`: their publishes are refused by now, but what they sent is still acknowledged.
      for (const listener of listeners) listener.stop();
      return Promise.resolve();
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

function closeBroker(broker: Aedes): Promise<void> {
  return new Promise((resolve) => {
    broker.close(resolve);
  });
}

function logErrors(broker: Aedes, logger: Logger): void {
  broker.addListener('error', (error: Error) => {
    logger.error({ err: error }, 'the MQTT broker had an error');
  });
  broker.on('clientError', (client, error) => {
    logger.debug({ client: client.id, reason: error.message }, 'an MQTT client was disconnected');
  });
  broker.on('connectionError', (_client, error) => {
    logger.debug({ reason: error.message }, 'an MQTT connection failed');
  });
}
