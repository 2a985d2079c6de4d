import { createServer, type Socket } from 'node:net';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import { PacketGuard } from './packet-guard.js';

export interface MqttListenerOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly maxConnections: number;
  /** A client that announces a larger packet is disconnected. */
  readonly maxPacketBytes: number;
  readonly logger: Logger;
  readonly onConnection: (socket: Socket) => void;
}

/** The TCP side of the embedded broker. */
export interface MqttListener {
  /** Such as `mqtt://127.0.0.1:1883`; undefined while it does not listen. */
  url(): string | undefined;
  /** Errors: CONFLICT when another program has the port. */
  listen(): Promise<void>;
  /** Takes no new connections; those that are open stay. */
  stop(): void;
  /** Ends every connection that is still open. */
  destroyConnections(): void;
}

/** Makes the listener; every connection passes through a guard of the packets' sizes. */
export function createMqttListener(options: MqttListenerOptions): MqttListener {
  const { host, port, logger } = options;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    guardPackets(socket, options.maxPacketBytes);
    options.onConnection(socket);
  });
  server.maxConnections = options.maxConnections;

  return {
    url() {
      const address = server.address();
      if (typeof address !== 'object' || address === null) return undefined;
      return `mqtt://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
    },
    listen() {
      return new Promise((resolve, reject) => {
        server.once('error', (error: NodeJS.ErrnoException) => {
          reject(error.code === 'EADDRINUSE' ? portInUse(host, port) : error);
        });
        server.listen(port, host, () => {
          server.removeAllListeners('error');
          server.on('error', (error) => {
            logger.error({ err: error }, 'the MQTT listener had an error');
          });
          resolve();
        });
      });
    },
    stop() {
      server.close();
    },
    destroyConnections() {
      for (const socket of sockets) socket.destroy();
    },
  };
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

function portInUse(host: string, port: number): AegisError {
  return new AegisError(
    'CONFLICT',
    `The MQTT broker cannot listen on ${host}:${port}: another program does. ` +
      'Stop that program, or choose another port with --mqtt-port or AEGIS_MQTT_PORT; 0 takes any free one.',
  );
}
