import { Aedes, type AuthorizePublishHandler, type Client, type Subscription } from 'aedes';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import type { EmbeddedDoor } from './embedded-door.js';
import type { MqttPeer } from './mqtt-peer.js';

export interface EmbeddedBrokerDeps {
  readonly door: EmbeddedDoor;
  readonly peerOf: (client: Client) => MqttPeer | undefined;
  readonly authorizePublish: AuthorizePublishHandler;
  /** A peer has subscribed. */
  readonly onSubscribed: (peer: MqttPeer, subscription: Subscription) => Promise<void>;
  readonly logger: Logger;
}

/** How long a subscriber that does not read is waited for, in milliseconds. */
const DRAIN_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** An id of a client gets what it came with in front of it. */
const MAX_CLIENT_ID = 256;
/** Source: MQTT 3.1.1, §3.2.2.3. */
const SERVER_UNAVAILABLE = 3;

/** Makes the broker as such: aedes, with what is ours at its doors. */
export function createBroker({
  door,
  peerOf,
  authorizePublish,
  onSubscribed,
  logger,
}: EmbeddedBrokerDeps): Aedes {
  const broker = new Aedes({
    connectTimeout: CONNECT_TIMEOUT_MS,
    drainTimeout: DRAIN_TIMEOUT_MS,
    maxClientsIdLength: MAX_CLIENT_ID,
    authorizePublish,
    preConnect(client, packet, done) {
      // [MQTT-3.1.2-6] A session that ends with its connection; CONNACK then says that none is present.
      packet.clean = true;
      const peer = peerOf(client);
      const login = { username: packet.username, password: packet.password?.toString() };
      // [MQTT-3.1.4-2] A client ends another one of the same id: only one that came with the same credentials.
      if (peer && packet.clientId !== '')
        packet.clientId = `${door.fingerprintOfLogin(peer, login)}-${packet.clientId}`;
      done(null, peer !== undefined);
    },
    authenticate(client, username, password, done) {
      const peer = peerOf(client);
      const admitted = peer && door.admits(peer, { username, password: password?.toString() });
      Promise.resolve(admitted ?? false).then(
        (isAdmitted) => {
          done(null, isAdmitted);
        },
        (error: unknown) => {
          logger.debug({ err: error }, 'an MQTT client could not be checked');
          done(Object.assign(new Error('unavailable'), { returnCode: SERVER_UNAVAILABLE }), false);
        },
      );
    },
    authorizeSubscribe(client, subscription, done) {
      const peer = peerOf(client);
      Promise.resolve(peer ? door.maySubscribe(peer, subscription.topic) : false).then(
        (allowed) => {
          done(null, allowed ? subscription : null);
        },
        () => {
          done(null, null);
        },
      );
    },
  });
  watch(broker, { peerOf, onSubscribed, logger });
  return broker;
}

function watch(
  broker: Aedes,
  { peerOf, onSubscribed, logger }: Pick<EmbeddedBrokerDeps, 'peerOf' | 'onSubscribed' | 'logger'>,
): void {
  broker.on('clientReady', (client) => peerOf(client)?.ready());
  broker.on('subscribe', (subscriptions, client) => {
    const peer = peerOf(client);
    for (const subscription of peer ? subscriptions : []) {
      if (!peer) continue;
      onSubscribed(peer, subscription).catch((error: unknown) => {
        logger.warn({ err: error }, 'could not look up who listens for its commands');
      });
    }
  });
  broker.on('unsubscribe', (topics, client) => {
    for (const topic of topics) peerOf(client)?.deaf(topic);
  });
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
