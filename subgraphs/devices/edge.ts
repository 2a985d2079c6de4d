import { Aedes, type Client, type PublishPacket } from 'aedes';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { ERROR_CODES } from '../../kernel/errors/codes.js';
import type { Credentials } from '../../kernel/graphql/subgraph.js';
import type { WorkspaceId } from '../../kernel/identity/principal.js';
import { createRejectionLog, toRejection } from '../../kernel/messaging/rejection.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import {
  isWithinWorkspace,
  parseDownFilter,
  parseUpTopic,
  rejectedTopic,
} from './protocols/mqtt/device-topic.js';
import { createMqttListener } from './protocols/mqtt/mqtt-listener.js';

/** Whom somebody at an edge may speak for. */
export interface EdgeClient {
  readonly workspace: WorkspaceId;
  /** The only device, by the name or id that it uses; undefined for all. */
  readonly device: string | undefined;
}

/** Says who comes with credentials; undefined when they are not good for anybody. */
export type EdgeIdentify = (credentials: Credentials) => EdgeClient | undefined;

/** Telemetry that a device has published. */
export interface EdgeTelemetry {
  /** The device's id or name. */
  readonly device: string;
  readonly payload: Uint8Array;
}

export interface EdgeBrokerDeps {
  /**
   * Keeps a message; it is acknowledged once this resolves.
   *
   * Errors: AegisErrors; one that may pass ends the connection, so that the device sends the message again.
   */
  readonly keep: (telemetry: EdgeTelemetry) => Promise<void>;
  readonly identify: EdgeIdentify;
  readonly logger: Logger;
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly maxConnections: number;
  readonly maxPayloadBytes: number;
}

/** The MQTT broker of an edge. */
export interface EdgeBroker {
  /** Such as `mqtt://127.0.0.1:1883`; undefined while it does not listen. */
  url(): string | undefined;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** How much larger than the largest payload a packet may be and still be answered: a larger one ends the connection. */
const PACKET_ALLOWANCE = 4;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Makes the MQTT 3.1.1 broker that runs beside devices. It takes telemetry on `aegis/<workspace>/<device>/telemetry`, as
 * the hub does; PUBACK follows the disk. It does not know the hub's devices nor their credentials: who connects presents a
 * key of the edge as password, and whether a message is right is seen when it is handed on.
 */
export function createEdgeBroker(deps: EdgeBrokerDeps): EdgeBroker {
  const { identify, logger, maxPayloadBytes } = deps;
  const known = new WeakMap<Client, EdgeClient>();
  const logRejection = createRejectionLog(logger);
  const broker = new Aedes({
    connectTimeout: CONNECT_TIMEOUT_MS,
    preConnect(_client, packet, done) {
      // [MQTT-3.1.2-6] A session that ends with its connection; CONNACK then says that none is present.
      packet.clean = true;
      done(null, true);
    },
    authenticate(client, _username, password, done) {
      const found = identify({ token: password?.toString() });
      if (found) known.set(client, found);
      done(null, found !== undefined);
    },
    authorizeSubscribe(client, subscription, done) {
      done(null, mayHear(known.get(client), subscription.topic) ? subscription : null);
    },
    authorizePublish(client, packet, done) {
      void keep(packet, client ? known.get(client) : undefined).then(done);
    },
  });
  const listener = createMqttListener({
    ...deps,
    maxPacketBytes: PACKET_ALLOWANCE * maxPayloadBytes,
    onConnection(socket) {
      broker.handle(socket);
      return { onPuback: () => undefined, onDisconnect: () => undefined };
    },
  });
  broker.on('clientError', (client, error) => {
    logger.debug({ client: client.id, reason: error.message }, 'an MQTT client was disconnected');
  });
  broker.on('connectionError', (_client, error) => {
    logger.debug({ reason: error.message }, 'an MQTT connection failed');
  });

  /** Undefined: acknowledge it. An error: end the connection without acknowledging it. */
  async function keep(packet: PublishPacket, sender: EdgeClient | undefined): Promise<Error | undefined> {
    const { topic } = packet;
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    try {
      const named = parseUpTopic(topic);
      if (named?.kind !== 'telemetry' || named.workspace !== sender?.workspace) throw notForTelemetry(topic);
      if (sender.device !== undefined && sender.device !== named.device) throw notYours(named.device);
      if (payload.length > maxPayloadBytes) throw tooLarge(payload.length, maxPayloadBytes);
      await deps.keep({ device: named.device, payload });
      return undefined;
    } catch (error) {
      if (!(error instanceof AegisError) || ERROR_CODES[error.code].retryable) return error as Error;
      logRejection(topic, error);
      tell(rejectedTopic(topic), toRejection(error, payload));
      return undefined;
    } finally {
      withhold(packet);
    }
  }

  function tell(topic: string, text: string): void {
    const packet = { cmd: 'publish', topic, payload: Buffer.from(text) } as const;
    broker.publish({ ...packet, qos: 0, retain: false, dup: false }, () => undefined);
  }

  return {
    url: listener.url,
    async start() {
      await broker.listen();
      await listener.listen();
    },
    async close() {
      listener.stop();
      await new Promise<void>((resolve) => {
        broker.close(resolve);
      });
      listener.destroyConnections();
    },
  };
}

/** One that speaks for a device hears what is refused of that one, and others what is refused of all. */
function mayHear(client: EdgeClient | undefined, filter: string): boolean {
  if (!client) return false;
  const { workspace, device } = client;
  if (device === undefined) return isWithinWorkspace(filter, workspace);
  const named = parseDownFilter(filter);
  return named?.workspace === workspace && named.device === device;
}

/** Of somebody who sends for a device that the key does not speak for. */
export function notYours(device: string): AegisError {
  return new AegisError(
    'FORBIDDEN',
    `expected a key that speaks for ${JSON.stringify(device.slice(0, 100))}, got that of another device.`,
  );
}

/** An edge hands on to the hub alone: to others a publish goes to a topic to which nobody may subscribe. */
function withhold(packet: PublishPacket): void {
  packet.topic = '$SYS/withheld';
  packet.payload = Buffer.alloc(0);
  packet.retain = false;
}

function notForTelemetry(topic: string): AegisError {
  return new AegisError(
    'FORBIDDEN',
    `expected a publish on aegis/<your workspace>/<device>/telemetry, got ${JSON.stringify(topic.slice(0, 100))}; an edge takes telemetry only`,
  );
}

function tooLarge(bytes: number, most: number): AegisError {
  return new AegisError(
    'PAYLOAD_TOO_LARGE',
    `telemetry: expected at most ${most} bytes, got ${bytes}; send it in several messages.`,
  );
}
