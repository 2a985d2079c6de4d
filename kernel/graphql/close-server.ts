import type { FastifyInstance } from 'fastify';
import { withDeadline } from '../lifecycle/lifecycle.js';
import type { Logger } from '../telemetry/logger.js';
import type { OpenWebSocketServer } from './web-socket-server.js';

export interface CloseServerOptions {
  readonly server: FastifyInstance;
  readonly sockets: OpenWebSocketServer;
  /** Whose server it is. */
  readonly name: string;
  readonly logger: Logger;
  /** How long running requests may take to end, and clients to leave, in milliseconds. */
  readonly deadlineMs: number;
}

/** How often connections are closed whose last request has just been answered, in milliseconds. */
const IDLE_CHECK_MS = 25;

/** Takes no more requests, lets the running ones finish, closes the sockets, and at the deadline breaks off the rest. */
export async function closeServer({
  server,
  sockets,
  name,
  logger,
  deadlineMs,
}: CloseServerOptions): Promise<void> {
  const closed = Promise.all([server.close(), sockets.close()]);
  // The server closes what is idle when it begins to close. What is answered afterwards its client would keep open.
  const timer = setInterval(() => {
    server.server.closeIdleConnections();
  }, IDLE_CHECK_MS);
  try {
    await withDeadline(closed, deadlineMs, `closing the server of ${name}`);
  } catch (error) {
    logger.warn({ err: error }, 'broke off the requests and sockets that were left');
    sockets.terminate();
    server.server.closeAllConnections();
    await closed;
  } finally {
    clearInterval(timer);
  }
}
