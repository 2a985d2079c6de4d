import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  CloseCode,
  handleProtocols,
  makeServer,
  type ServerOptions,
  type SubscribePayload,
} from 'graphql-ws';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Logger } from '../telemetry/logger.js';
import { traceOf, type TraceContext } from '../telemetry/trace-context.js';

/** What graphql-ws keeps of a connection beside what it knows itself. */
export interface Connection {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
}

export interface WebSocketServerOptions<Extra extends Connection> {
  readonly server: HttpServer;
  readonly path: string;
  /** What the protocol does: who is let in, and what is executed. */
  readonly protocol: ServerOptions<Record<string, unknown>, Extra>;
  /** Makes what is kept of a connection; called when it opens. */
  readonly openConnection: (connection: Connection) => Extra;
  /** Whether a request may open a socket at all; everyone may by default. */
  readonly allows?: (request: IncomingMessage) => boolean;
  readonly logger: Logger;
  /** The largest message a client may send, in bytes. */
  readonly maxPayloadBytes: number;
  /** While more bytes than these wait for a client to read them, nothing more is read from it; no bound by default. */
  readonly maxUnsentBytes?: number;
}

/** The WebSocket side of a server. */
export interface OpenWebSocketServer {
  /** Asks every client to leave (1001) and resolves when all have left. */
  close(): Promise<void>;
  /** What was written and is not yet handed to the network, of all sockets, in bytes. */
  readonly unsentBytes: number;
  /** Breaks off whoever has not left. */
  terminate(): void;
}

/** How often a client is asked whether it is still there, and how long it may take to say so. */
const KEEP_ALIVE_MS = 12_000;
/** Source: RFC 6455, §7.4.1. */
const GOING_AWAY = 1001;

/**
 * Serves graphql-ws on an HTTP server.
 *
 * Source: graphql-ws PROTOCOL.md, graphql-transport-ws. This does what `graphql-ws/use/ws` does, but never writes to the
 * console nor tells a client what went wrong inside, and messages that arrive together are handed over one by one: an id
 * may be used again right behind its `complete`.
 */
export function openWebSocketServer<Extra extends Connection>(
  options: WebSocketServerOptions<Extra>,
): OpenWebSocketServer {
  const { server, path, allows = () => true, maxPayloadBytes } = options;
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols,
    maxPayload: maxPayloadBytes,
    allowSynchronousEvents: false,
  });
  const protocol = makeServer(options.protocol);

  function onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const [pathname] = (request.url ?? '').split('?');
    if (pathname !== path) refuse(socket, '404 Not Found');
    else if (!allows(request)) refuse(socket, '403 Forbidden');
    else
      sockets.handleUpgrade(request, socket, head, (client) => {
        serveSocket(protocol, { socket: client, request }, options);
      });
  }
  server.on('upgrade', onUpgrade);

  return {
    async close() {
      server.off('upgrade', onUpgrade);
      const closed = new Promise<void>((resolve) => {
        sockets.close(() => {
          resolve();
        });
      });
      for (const client of sockets.clients) client.close(GOING_AWAY, 'Going away');
      await closed;
    },
    get unsentBytes() {
      return [...sockets.clients].reduce((sum, { bufferedAmount }) => sum + bufferedAmount, 0);
    },
    terminate() {
      for (const client of sockets.clients) client.terminate();
    },
  };
}

function serveSocket<Extra extends Connection>(
  protocol: ReturnType<typeof makeServer<Record<string, unknown>, Extra>>,
  connection: Connection,
  { openConnection, logger, maxUnsentBytes = Infinity }: WebSocketServerOptions<Extra>,
): void {
  const { socket } = connection;
  // Too large a frame, or one that is none: the socket has closed itself with a code.
  socket.on('error', (error) => {
    logger.debug({ err: error }, 'a socket failed');
  });
  const stopAsking = keepAlive(socket);
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      send: (text) => send(connection, text, maxUnsentBytes),
      close: (code, reason) => {
        socket.close(code, reason);
      },
      onMessage(handle) {
        socket.on('message', (data: Buffer) => {
          handle(data.toString('utf8')).catch((error: unknown) => {
            logger.error({ err: error }, 'a message could not be handled');
            socket.close(CloseCode.InternalServerError, 'Internal server error');
          });
        });
      },
    },
    openConnection(connection),
  );
  socket.once('close', (code, reason) => {
    stopAsking();
    closed(code, String(reason)).catch((error: unknown) => {
      logger.error({ err: error }, 'what a socket had open could not be ended');
    });
  });
}

/**
 * Resolves when the text has been handed to the network, so that a slow client slows its own streams. One that asks for more
 * than it reads is not listened to until it has read.
 */
function send({ socket, request }: Connection, text: string, maxUnsentBytes: number): Promise<void> {
  const listenAgain = () => {
    if (socket.isPaused && socket.bufferedAmount <= maxUnsentBytes) socket.resume();
  };
  return new Promise((resolve) => {
    if (socket.readyState !== socket.OPEN) {
      resolve();
      return;
    }
    // A socket that fails here closes, and that ends what is on it.
    socket.send(text, () => {
      listenAgain();
      resolve();
    });
    if (socket.isPaused || socket.bufferedAmount <= maxUnsentBytes) return;
    socket.pause();
    // What streams write past this function may keep the bytes above the bound when the text has gone.
    request.socket.once('drain', listenAgain);
  });
}

/** Breaks off a connection whose other side has vanished without closing it. */
function keepAlive(socket: WebSocket): () => void {
  let answered = true;
  socket.on('pong', () => {
    answered = true;
  });
  const timer = setInterval(() => {
    if (!answered) socket.terminate();
    answered = false;
    if (socket.readyState === socket.OPEN) socket.ping();
  }, KEEP_ALIVE_MS);
  return () => {
    clearInterval(timer);
  };
}

function refuse(socket: Duplex, status: string): void {
  // Node no longer listens to a socket that it has handed over; a client may be gone already.
  socket.on('error', () => undefined);
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** The trace of an operation: a message has no headers, so its extensions carry it. The same message has one trace. */
export function createTraceOfPayload(): (payload: SubscribePayload) => TraceContext {
  const traces = new WeakMap<SubscribePayload, TraceContext>();
  return (payload) => {
    const trace = traces.get(payload) ?? traceOf(payload.extensions ?? {});
    traces.set(payload, trace);
    return trace;
  };
}
