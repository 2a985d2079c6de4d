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

/** Takes no more requests, lets the running ones finish, closes the sockets, and at the deadline breaks off the rest. */
export async function closeServer({
  server,
  sockets,
  name,
  logger,
  deadlineMs,
}: CloseServerOptions): Promise<void> {
  const closed = Promise.all([server.close(), sockets.close()]);
  try {
    await withDeadline(closed, deadlineMs, `closing the server of ${name}`);
  } catch (error) {
    logger.warn({ err: error }, 'broke off the requests and sockets that were left');
    sockets.terminate();
    server.server.closeAllConnections();
    await closed;
  }
}
