import { Aedes, type Client, type PublishPacket } from 'aedes';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { ERROR_CODES } from '../../kernel/errors/codes.js';
import type { Identify } from '../../kernel/graphql/subgraph.js';
import type { WorkspaceId } from '../../kernel/identity/principal.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import { isWithinWorkspace, parseUpTopic, rejectedTopic } from './protocols/mqtt/device-topic.js';
import { createMqttListener } from './protocols/mqtt/mqtt-listener.js';
import { createRejectionLog, toRejection } from './protocols/rejection.js';

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
  readonly identify: Identify;
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
 * the hub does, so that a device is moved to an edge by another address alone; PUBACK follows the disk. It does not know
 * the hub's devices: whether a message is right is seen when it is handed on.
 */
export function createEdgeBroker(deps: EdgeBrokerDeps): EdgeBroker {
  const { identify, logger, maxPayloadBytes } = deps;
  const workspaces = new WeakMap<Client, WorkspaceId>();
  const logRejection = createRejectionLog(logger);
  const broker = new Aedes({
    connectTimeout: CONNECT_TIMEOUT_MS,
    preConnect(_client, packet, done) {
      // [MQTT-3.1.2-6] A session that ends with its connection; CONNACK then says that none is present.
      packet.clean = true;
      done(null, true);
    },
    authenticate(client, _username, password, done) {
      const principal = identify({ token: password?.toString() });
      if (principal) workspaces.set(client, principal.workspace);
      done(null, principal !== undefined);
    },
    authorizeSubscribe(client, subscription, done) {
      const workspace = workspaces.get(client);
      const allowed = workspace !== undefined && isWithinWorkspace(subscription.topic, workspace);
      done(null, allowed ? subscription : null);
    },
    authorizePublish(client, packet, done) {
      const workspace = client ? workspaces.get(client) : undefined;
      void keep(packet, workspace).then(done);
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
  async function keep(packet: PublishPacket, workspace: WorkspaceId | undefined): Promise<Error | undefined> {
    const { topic } = packet;
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    try {
      const named = parseUpTopic(topic);
      if (named?.kind !== 'telemetry' || named.workspace !== workspace) throw notForTelemetry(topic);
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
