import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { ApolloServer, HeaderMap, type ApolloServerPlugin } from '@apollo/server';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { parse, type DocumentNode } from 'graphql';
import type { TestSubgraph } from './test-gateway.js';

/** A subgraph by Apollo Server, which says by `@cacheControl` how long its answers may be kept. */
export interface ApolloSubgraph {
  readonly name: string;
  readonly url: string;
  readonly typeDefs: DocumentNode;
  /** The requests that have reached it, first to last. */
  readonly requests: readonly ApolloRequest[];
  /** The extensions of its answers. */
  extensions: Readonly<Record<string, unknown>> | undefined;
  /** Answers in its place, when it is set. */
  fault: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  /** Waits before each answer, when it is set. */
  gate: (() => Promise<void>) | undefined;
  close(): Promise<void>;
}

export interface ApolloRequest {
  readonly headers: IncomingMessage['headers'];
  readonly query: string;
  readonly variables: { readonly representations?: readonly { readonly id?: string }[] };
}

export const CACHE_CONTROL = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable"])
  enum CacheControlScope { PUBLIC PRIVATE }
  directive @cacheControl(maxAge: Int, scope: CacheControlScope, inheritMaxAge: Boolean)
    on FIELD_DEFINITION | OBJECT | INTERFACE | UNION
`;

export async function serveApolloSubgraph(
  name: string,
  { typeDefs: sdl, resolvers = {} }: TestSubgraph,
): Promise<ApolloSubgraph> {
  const typeDefs = parse(CACHE_CONTROL + sdl);
  const requests: ApolloRequest[] = [];
  const addExtensions: ApolloServerPlugin = {
    requestDidStart: () =>
      Promise.resolve({
        willSendResponse({ response: { body } }) {
          if (body.kind === 'single' && subgraph.extensions)
            body.singleResult.extensions = { ...subgraph.extensions };
          return Promise.resolve();
        },
      }),
  };
  const apollo = new ApolloServer({
    schema: buildSubgraphSchema([{ typeDefs, resolvers }]),
    plugins: [addExtensions, ApolloServerPluginInlineTraceDisabled()],
    stopOnTerminationSignals: false,
  });
  await apollo.start();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse(await text(request)) as ApolloRequest;
    requests.push({ headers: request.headers, query: body.query, variables: body.variables });
    await subgraph.gate?.();
    if (subgraph.fault) {
      subgraph.fault(request, response);
      return;
    }
    const headers = new HeaderMap([['content-type', 'application/json']]);
    const answered = await apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: { method: 'POST', headers, search: '', body },
      context: () => Promise.resolve({}),
    });
    const complete = answered.body.kind === 'complete' ? answered.body.string : '';
    response.writeHead(answered.status ?? 200, Object.fromEntries(answered.headers)).end(complete);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const subgraph: ApolloSubgraph = {
    name,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`,
    typeDefs,
    requests,
    extensions: undefined,
    fault: undefined,
    gate: undefined,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await apollo.stop();
    },
  };
  return subgraph;
}
