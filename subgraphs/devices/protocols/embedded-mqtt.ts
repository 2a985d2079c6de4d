import { Aedes, type Client, type PublishPacket } from 'aedes';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { ERROR_CODES } from '../../../kernel/errors/codes.js';
import type { Identify } from '../../../kernel/graphql/subgraph.js';
import type { Principal } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import type { Ingest } from '../readings/ingestion.js';
import { createMqttListener } from './mqtt-listener.js';
import type { Protocol } from './protocol.js';
import { createRejectionLog, toRejection, type RejectionLog } from './rejection.js';
import { isWithinWorkspace, parseTelemetryTopic, rejectedTopic } from './telemetry-topic.js';

export interface EmbeddedMqttDeps {
  readonly ingest: Ingest;
  readonly identify: Identify;
  readonly logger: Logger;
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly maxConnections: number;
  readonly maxPayloadBytes: number;
}

/** How much larger than the largest payload a packet may be and still be answered: a larger one ends the connection. */
const PACKET_ALLOWANCE = 4;
/** How long a subscriber that does not read is waited for, in milliseconds. */
const DRAIN_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Makes an MQTT 3.1.1 broker inside this process, for telemetry on `aegis/<workspace>/<device>/telemetry`.
 *
 * PUBACK follows the commit: aedes acknowledges once `authorizePublish` calls back. What cannot be accepted ever is
 * acknowledged too, as the client would send it for ever, and answered on `…/telemetry/rejected`; what could not be
 * stored now ends the connection, so that the client sends it again. Other topics are refused quietly: the broker is
 * for telemetry and no general one. It keeps no sessions, so nothing queues up for a subscriber that is away.
 */
export function createEmbeddedMqtt(deps: EmbeddedMqttDeps): Protocol {
  const { ingest, logger, host, port, maxConnections, maxPayloadBytes } = deps;
  const principals = new WeakMap<Client, Principal>();
  const broker = new Aedes({
    connectTimeout: CONNECT_TIMEOUT_MS,
    drainTimeout: DRAIN_TIMEOUT_MS,
    preConnect(_client, packet, done) {
      // [MQTT-3.1.2-6] A session that ends with its connection; CONNACK then says that none is present.
      packet.clean = true;
      done(null, true);
    },
    authenticate(client, _username, password, done) {
      const principal = deps.identify({ token: password?.toString() });
      if (principal) principals.set(client, principal);
      done(null, principal !== undefined);
    },
    authorizeSubscribe(client, subscription, done) {
      const principal = principals.get(client);
      const allowed = principal && isWithinWorkspace(subscription.topic, principal.workspace);
      done(null, allowed ? subscription : null);
    },
    authorizePublish: (client, packet, done) => {
      const principal = client ? principals.get(client) : undefined;
      admit(packet, principal, { ingest, logRejection, publish })
        .then(done)
        .catch((error: unknown) => {
          logger.error({ err: error }, 'the MQTT broker failed to answer a publish');
        });
    },
  });
  const logRejection = createRejectionLog(logger);
  const listener = createMqttListener({
    ...{ host, port, maxConnections, logger },
    maxPacketBytes: PACKET_ALLOWANCE * maxPayloadBytes,
    onConnection: (socket) => {
      broker.handle(socket);
    },
  });
  logErrors(broker, logger);

  function publish(topic: string, payload: string): void {
    broker.publish(
      { cmd: 'publish', topic, payload: Buffer.from(payload), qos: 0, retain: false, dup: false },
      () => undefined,
    );
  }

  return {
    name: 'embedded MQTT broker',
    url: listener.url,
    async start() {
      await broker.listen();
      await listener.listen();
      logger.info({ url: listener.url() }, 'the MQTT broker listens');
    },
    stopAccepting() {
      // Its connections stay until `close`: their publishes are refused by now, but what they sent is still acknowledged.
      listener.stop();
      return Promise.resolve();
    },
    async close() {
      listener.stop();
      await closeBroker(broker);
      // Those that never said who they are, and so are no clients of the broker.
      listener.destroyConnections();
    },
    health: () =>
      listener.url() === undefined
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

interface AdmitDeps {
  readonly ingest: Ingest;
  readonly logRejection: RejectionLog;
  readonly publish: (topic: string, payload: string) => void;
}

/** Decides over one publish. Undefined: acknowledge it. An error: end the connection without acknowledging it. */
async function admit(
  packet: PublishPacket,
  principal: Principal | undefined,
  { ingest, logRejection, publish }: AdmitDeps,
): Promise<Error | undefined> {
  const { topic } = packet;
  const named = parseTelemetryTopic(topic);
  if (!named || named.workspace !== principal?.workspace) {
    logRejection(topic, notForTelemetry(topic));
    withhold(packet);
    return undefined;
  }
  const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
  try {
    await ingest({ ...named, payload, whenFull: 'wait', protocol: 'MQTT', source: topic });
    return undefined;
  } catch (error) {
    if (!(error instanceof AegisError) || ERROR_CODES[error.code].retryable) return error as Error;
    logRejection(topic, error);
    withhold(packet);
    publish(rejectedTopic(topic), toRejection(error, payload));
    return undefined;
  }
}

/** Lets a publish be acknowledged but reach nobody: its topic becomes one to which nobody may subscribe. */
function withhold(packet: PublishPacket): void {
  packet.topic = '$SYS/withheld';
  packet.payload = Buffer.alloc(0);
  packet.retain = false;
}

function notForTelemetry(topic: string): AegisError {
  return new AegisError(
    'FORBIDDEN',
    `expected a publish on aegis/<your workspace>/<device>/telemetry, got ${JSON.stringify(topic.slice(0, 100))}`,
  );
}
