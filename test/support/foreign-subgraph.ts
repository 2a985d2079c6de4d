import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { parse, type DocumentNode, type GraphQLSchema } from 'graphql';
import { createHandler } from 'graphql-http/lib/use/http';
import { createHandler as createStreamHandler } from 'graphql-sse/lib/use/http';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import type { TestSubgraph } from './test-gateway.js';

/** A subgraph that is not ours: the reference implementations of GraphQL over HTTP and of graphql-ws or graphql-sse on one port. */
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
  /** How many sockets, or streams, are open. */
  sockets(): number;
  /** Closes them with a code, or cuts them without one; streams know of no codes. */
  dropSockets(code?: number): void;
  close(): Promise<void>;
}

export interface SeenRequest {
  readonly headers: IncomingMessage['headers'];
  /** Whether its sender hung up before it was answered. */
  aborted: boolean;
}

const FEDERATION_LINK = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@requires", "@external", "@shareable"])\n`;

export interface ForeignSubgraphOptions {
  /** How it offers subscriptions; `ws` by default. */
  readonly subscriptions?: 'ws' | 'sse';
  /** 0, the default, takes any free one. */
  readonly port?: number;
}

export async function serveForeignSubgraph(
  name: string,
  { typeDefs: sdl, resolvers = {} }: TestSubgraph,
  { subscriptions = 'ws', port = 0 }: ForeignSubgraphOptions = {},
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
    else if (subscriptions === 'sse' && request.headers.accept === 'text/event-stream')
      void streams.handle(request, response);
    else void handle(request, response);
  });
  const seen = { schema, connections, payloads };
  const streams = serveStreams(seen);
  const sockets = subscriptions === 'ws' ? serveSockets(server, seen) : streams;
  const subgraph: ForeignSubgraph = {
    name,
    url: `${await listen(server, port)}/graphql`,
    typeDefs,
    requests,
    connections,
    payloads,
    fault: undefined,
    sockets: () => sockets.count(),
    dropSockets(code) {
      sockets.drop(code);
    },
    async close() {
      subgraph.dropSockets();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return subgraph;
}

interface Seen {
  readonly schema: GraphQLSchema;
  readonly connections: unknown[];
  readonly payloads: { extensions?: unknown }[];
}

function serveSockets(server: Server, { schema, connections, payloads }: Seen) {
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
  return {
    count: () => sockets.clients.size,
    drop(code?: number) {
      for (const client of sockets.clients) {
        if (code === undefined) client.terminate();
        else client.close(code);
      }
    },
  };
}

function serveStreams({ schema, connections, payloads }: Seen) {
  const open = new Set<ServerResponse>();
  const handle = createStreamHandler({
    schema,
    authenticate({ headers }) {
      connections.push({ authorization: headers.get('authorization') });
      return headers.get('authorization') === 'wrong' ? [null, { status: 403, statusText: 'Forbidden' }] : '';
    },
    onSubscribe({ headers }) {
      payloads.push({ extensions: { traceparent: headers.get('traceparent') } });
    },
  });
  return {
    handle(request: IncomingMessage, response: ServerResponse) {
      open.add(response);
      response.once('close', () => open.delete(response));
      return handle(request, response).catch(() => response.destroy());
    },
    count: () => open.size,
    drop() {
      for (const response of open) response.destroy();
    },
  };
}

async function listen(server: Server, port: number): Promise<string> {
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
