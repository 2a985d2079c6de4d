import { parse } from 'graphql';
import { createClient, type Client, type SubscribePayload } from 'graphql-ws';
import WebSocket from 'ws';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import {
  createSubgraphServer,
  type SubgraphServer,
  type SubgraphServerOptions,
} from '../../kernel/graphql/serve-subgraph.js';
import type { Health, RequestContext, Subgraph } from '../../kernel/graphql/subgraph.js';
import { findBearerToken } from '../../kernel/identity/bearer-token.js';
import { DEFAULT_WORKSPACE, type Principal } from '../../kernel/identity/principal.js';
import { interruptible } from '../../kernel/streams/interruptible.js';
import { createLogger } from '../../kernel/telemetry/logger.js';
import { createMetrics } from '../../kernel/telemetry/metrics.js';

const SDL = parse(`
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
  scalar DateTime
  type Query { hello(name: String!, at: DateTime): String!  fails: String  refuses: String  slow: String  whoAsks: String }
  type Mutation { remember(value: Int!): Int! }
  type Subscription { count(to: Int!): Count!  breaks: Int  refused: Int  endless: Int }
  type Count { value: Int!  context: Int! }
`);

const ANNA: Principal = { subject: 'anna', workspace: DEFAULT_WORKSPACE, roles: [] };
export const TOKEN = 'a-good-token';
export const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

interface Context extends RequestContext {
  /** A number of its own for each context, as loaders are of their own. */
  readonly number: number;
}

/** A small subgraph, and what the tests want to know of its inside. */
function createSmallSubgraph() {
  const state = { contexts: 0, remembered: 0, endlessReaders: 0, health: { state: 'UP' } as Health };
  let answerSlow: (text: string) => void = () => undefined;
  const slow = new Promise<string>((resolve) => {
    answerSlow = resolve;
  });

  async function* countTo(to: number) {
    for (let value = 1; value <= to; value += 1) yield { count: { value } };
  }

  function watchForever() {
    state.endlessReaders += 1;
    const source: AsyncIterator<unknown> = {
      next: () => new Promise(() => undefined),
      return() {
        state.endlessReaders -= 1;
        return Promise.resolve({ value: undefined, done: true });
      },
    };
    return interruptible(source);
  }

  const subgraph: Subgraph<Context> = {
    resolvers: {
      Query: {
        hello: (_root: unknown, { name }: { name: string }) => `hello ${name}`,
        fails: () => {
          throw new Error('the password is swordfish');
        },
        refuses: () => {
          throw new AegisError('CONFLICT', 'expected another one.', { retryAfterMs: 5 });
        },
        slow: () => slow,
        whoAsks: (_root: unknown, _args: unknown, { principal, trace }: Context) =>
          `${principal.subject} ${trace.traceId}`,
      },
      Mutation: {
        remember: (_root: unknown, { value }: { value: number }) => {
          state.remembered = value;
          return value;
        },
      },
      Subscription: {
        count: { subscribe: (_root: unknown, { to }: { to: number }) => countTo(to) },
        breaks: {
          // eslint-disable-next-line require-yield -- it breaks before it has anything to yield
          subscribe: async function* () {
            throw new Error('the password is swordfish');
          },
        },
        refused: {
          subscribe: () => {
            throw new AegisError('BAD_USER_INPUT', 'after: expected a cursor.');
          },
        },
        endless: { subscribe: watchForever },
      },
      Count: { context: (_root: unknown, _args: unknown, { number }: Context) => number },
    },
    createContext(request) {
      state.contexts += 1;
      return { ...request, number: state.contexts };
    },
    routes(server) {
      server.get('/own', () => ({ own: true }));
    },
    start: () => Promise.resolve(),
    close: () => Promise.resolve(),
    health: () => Promise.resolve(state.health),
  };
  return {
    subgraph: subgraph as unknown as Subgraph,
    state,
    answerSlow: (text: string) => answerSlow(text),
  };
}

/** What came over the wire, whose types the wire has lost. */
type Json = ReturnType<typeof JSON.parse>;

/** One result of an operation over graphql-ws. */
export interface StreamedResult {
  readonly data?: Json;
  readonly errors?: Json;
}

/** A subgraph of the tests' own, served on a free port, and what the tests want to do with it. */
export interface ServedSubgraph {
  readonly server: SubgraphServer;
  readonly options: SubgraphServerOptions;
  /** What its resolvers have seen. */
  readonly state: ReturnType<typeof createSmallSubgraph>['state'];
  /** Lets the query `slow` be answered. */
  answerSlow(text: string): void;
  /** Posts a body, as JSON unless it is text, with a good token. */
  post(body: unknown, headers?: Record<string, string>): Promise<{ status: number; json: Json }>;
  openClient(token?: string): Client;
  /** A bare socket to a path. */
  openSocket(path?: string): WebSocket;
  /** Everything that one operation yields over graphql-ws; rejects with what ends it badly. */
  collect(payload: SubscribePayload, client?: Client): Promise<readonly StreamedResult[]>;
  close(): Promise<void>;
}

/** Opens the subgraph's metrics, and nothing else. */
export const METRICS_KEY = 'a-key-for-metrics';

/** Serves the subgraph with small limits: bodies of 50,000 bytes, 300 ms to close. */
export async function serveSmallSubgraph(
  more: Pick<SubgraphServerOptions, 'tracing'> = {},
): Promise<ServedSubgraph> {
  const { subgraph, state, answerSlow } = createSmallSubgraph();
  const options: SubgraphServerOptions = {
    name: 'test',
    subgraph,
    typeDefs: SDL,
    host: '127.0.0.1',
    port: 0,
    identify: ({ token }) => (token === METRICS_KEY ? ANNA : undefined),
    authenticate: (presented) => (findBearerToken(presented) === TOKEN ? ANNA : undefined),
    logger: createLogger({ level: 'silent', pretty: false }),
    metrics: createMetrics(),
    maxBodyBytes: 50_000,
    ...more,
    closeDeadlineMs: 300,
  };
  const server = await createSubgraphServer(options);
  const clients: Client[] = [];
  const socketUrl = server.url.replace('http', 'ws');

  function openClient(token = TOKEN): Client {
    const client = createClient({
      url: `${socketUrl}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      connectionParams: { authorization: `Bearer ${token}` },
    });
    clients.push(client);
    return client;
  }

  return {
    server,
    options,
    state,
    answerSlow,
    openClient,
    openSocket: (path = '/graphql') => new WebSocket(socketUrl + path, 'graphql-transport-ws'),
    async post(body, headers = {}) {
      const response = await fetch(`${server.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}`, ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      return { status: response.status, json: await response.json() };
    },
    async collect(payload, client = openClient()) {
      const results: unknown[] = [];
      for await (const result of client.iterate(payload)) results.push(result);
      return results as StreamedResult[];
    },
    async close() {
      answerSlow('late');
      for (const client of clients) await client.dispose();
      await server.close();
    },
  };
}
