import { createServer, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { Aedes, type Client, type PublishPacket } from 'aedes';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { ERROR_CODES } from '../../../kernel/errors/codes.js';
import type { Identify } from '../../../kernel/graphql/subgraph.js';
import type { Principal } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import type { Ingest } from '../readings/ingestion.js';
import { PacketGuard } from './packet-guard.js';
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
  const server = createServer({ noDelay: true }, (socket) => {
    guardPackets(socket, PACKET_ALLOWANCE * maxPayloadBytes);
    broker.handle(socket);
  });
  server.maxConnections = maxConnections;
  broker.on('clientError', (client, error) => {
    logger.debug({ client: client.id, reason: error.message }, 'an MQTT client was disconnected');
  });
  broker.on('connectionError', (_client, error) => {
    logger.debug({ reason: error.message }, 'an MQTT connection failed');
  });

  function publish(topic: string, payload: string): void {
    broker.publish(
      { cmd: 'publish', topic, payload: Buffer.from(payload), qos: 0, retain: false, dup: false },
      () => undefined,
    );
  }

  function urlOf(): string | undefined {
    const address = server.address();
    if (typeof address !== 'object' || address === null) return undefined;
    return `mqtt://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
  }

  return {
    name: 'embedded MQTT broker',
    url: urlOf,
    async start() {
      await broker.listen();
      await listen();
      logger.info({ url: urlOf() }, 'the MQTT broker listens');
    },
    stopAccepting() {
      // Its connections stay until `close`: their publishes are refused by now, but what they sent is still acknowledged.
      server.close();
      return Promise.resolve();
    },
    close: promisify((done: () => void) => {
      server.close();
      broker.close(done);
    }),
    health: () =>
      server.listening ? { state: 'UP' } : { state: 'DOWN', reason: 'the MQTT broker does not listen' },
  };

  function listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        reject(error.code === 'EADDRINUSE' ? portInUse(host, port) : error);
      });
      server.listen(port, host, resolve);
    });
  }
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
    await ingest({ ...named, payload, whenFull: 'wait' });
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

/** Ends the connection of a client that announces a packet larger than `maxBytes`, before any of it is kept. */
function guardPackets(socket: Socket, maxBytes: number): void {
  const guard = new PacketGuard(maxBytes);
  const read = socket.read.bind(socket);
  socket.read = (size?: number): unknown => {
    const chunk: unknown = read(size);
    if (!(chunk instanceof Uint8Array) || guard.accepts(chunk)) return chunk;
    socket.destroy(new Error(`a packet is larger than ${maxBytes} bytes`));
    return null;
  };
}

function notForTelemetry(topic: string): AegisError {
  return new AegisError(
    'FORBIDDEN',
    `expected a publish on aegis/<your workspace>/<device>/telemetry, got ${JSON.stringify(topic.slice(0, 100))}`,
  );
}

function portInUse(host: string, port: number): AegisError {
  return new AegisError(
    'CONFLICT',
    `The MQTT broker cannot listen on ${host}:${port}: another program does. ` +
      'Stop that program, or choose another port with --mqtt-port or AEGIS_MQTT_PORT; 0 takes any free one.',
  );
}
