import { fastify } from 'fastify';
import type { Subgraph } from '../../../kernel/graphql/subgraph.js';

/** Routes of a subgraph on a real port. */
export interface ServedRoutes {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves what a subgraph answers beside GraphQL, on any free port of this machine. */
export async function serveRoutes(subgraph: Pick<Subgraph, 'routes'>): Promise<ServedRoutes> {
  const server = fastify();
  subgraph.routes?.(server);
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  return { url, close: () => server.close() };
}
