import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { parse, type DocumentNode } from 'graphql';
import { createHandler } from 'graphql-http/lib/use/http';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import type { TestSubgraph } from './test-gateway.js';

/** A subgraph that is not ours: the reference implementations of GraphQL over HTTP and of graphql-ws on one port. */
export interface ForeignSubgraph {
  readonly name: string;
  readonly url: string;
  readonly typeDefs: DocumentNode;
  /** The requests over HTTP that have reached it, first to last. */
  readonly requests: readonly SeenRequest[];
  /** What clients presented when they opened a socket, and their subscriptions' extensions, first to last. */
  readonly connections: readonly unknown[];
  readonly payloads: readonly { readonly extensions?: unknown }[];
  /** Answers in its place, when it is set. */
  fault: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  /** How many sockets are open. */
  sockets(): number;
  /** Closes them with a code, or cuts them without one. */
  dropSockets(code?: number): void;
  close(): Promise<void>;
}

export interface SeenRequest {
  readonly headers: IncomingMessage['headers'];
  /** Whether its sender hung up before it was answered. */
  aborted: boolean;
}

const FEDERATION_LINK = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@requires", "@external", "@shareable"])\n`;

export async function serveForeignSubgraph(
  name: string,
  { typeDefs: sdl, resolvers = {} }: TestSubgraph,
): Promise<ForeignSubgraph> {
  const typeDefs = parse(FEDERATION_LINK + sdl);
  const schema = buildSubgraphSchema([{ typeDefs, resolvers }]);
  const requests: SeenRequest[] = [];
  const connections: unknown[] = [];
  const payloads: { extensions?: unknown }[] = [];
  const handle = createHandler({ schema });

  const server = createServer((request, response) => {
    const seen: SeenRequest = { headers: request.headers, aborted: false };
    requests.push(seen);
    response.once('close', () => {
      seen.aborted = !response.writableFinished;
    });
    if (subgraph.fault) subgraph.fault(request, response);
    else void handle(request, response);
  });
  const sockets = new WebSocketServer({ server, path: '/graphql' });
  useServer(
    {
      schema,
      onConnect({ connectionParams }) {
        connections.push(connectionParams);
        return connectionParams?.['authorization'] !== 'wrong';
      },
      onSubscribe(_context, _id, payload) {
        payloads.push(payload);
      },
    },
    sockets,
  );
  const subgraph: ForeignSubgraph = {
    name,
    url: `${await listen(server)}/graphql`,
    typeDefs,
    requests,
    connections,
    payloads,
    fault: undefined,
    sockets: () => sockets.clients.size,
    dropSockets(code) {
      for (const client of sockets.clients) {
        if (code === undefined) client.terminate();
        else client.close(code);
      }
    },
    async close() {
      subgraph.dropSockets();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return subgraph;
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
