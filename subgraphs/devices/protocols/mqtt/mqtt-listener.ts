import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import { PacketGuard, type PacketWatcher } from './packet-guard.js';

export interface MqttListenerOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly maxConnections: number;
  /** A client that announces a larger packet is disconnected. */
  readonly maxPacketBytes: number;
  /** Reads the certificates and keys of TLS when it begins to listen; plain TCP when left out. */
  readonly tls?: (() => Promise<TlsOptions>) | undefined;
  readonly logger: Logger;
  /** Serves a connection, and gives who wants to know of some packets that pass. */
  readonly onConnection: (socket: Socket) => PacketWatcher;
}

/** The TCP side of the embedded broker. */
export interface MqttListener {
  /** Such as `mqtt://127.0.0.1:1883`; undefined while it does not listen. */
  url(): string | undefined;
  /** Errors: CONFLICT when another program has the port; those of reading certificates. */
  listen(): Promise<void>;
  /** Takes no new connections; those that are open stay. */
  stop(): void;
  /** Ends every connection that is still open. */
  destroyConnections(): void;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;

/** Makes the listener; every connection passes through a guard of the packets' sizes. */
export function createMqttListener(options: MqttListenerOptions): MqttListener {
  const { host, tls } = options;
  const sockets = new Set<Socket>();
  let server: Server | undefined;

  function serve(socket: Socket): void {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    guardPackets(socket, options.maxPacketBytes, options.onConnection(socket));
  }

  return {
    url() {
      const address = server?.address();
      if (typeof address !== 'object' || address === null) return undefined;
      return `${tls ? 'mqtts' : 'mqtt'}://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
    },
    async listen() {
      server = tls
        ? createTlsServer({ ...(await tls()), handshakeTimeout: HANDSHAKE_TIMEOUT_MS, noDelay: true }, serve)
        : createServer({ noDelay: true }, serve);
      server.maxConnections = options.maxConnections;
      await listen(server, options);
    },
    stop() {
      server?.close();
    },
    destroyConnections() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function listen(server: Server, { host, port, logger }: MqttListenerOptions): Promise<void> {
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
}

/** Ends the connection of a client that announces a packet larger than `maxBytes`, before any of it is kept. */
function guardPackets(socket: Socket, maxBytes: number, watcher: PacketWatcher): void {
  const guard = new PacketGuard(maxBytes, watcher);
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
      'Stop that program, or choose another port with --mqtt-port or AEGIS_MQTT_PORT (over TLS AEGIS_MQTT_TLS_PORT); 0 takes any free one.',
  );
}
