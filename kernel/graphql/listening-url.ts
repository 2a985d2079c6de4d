import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** Where a server that listens is reached, such as `http://127.0.0.1:4000`. */
export function listeningUrl({ server }: FastifyInstance): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
