import { request as httpRequest } from 'node:http';
import { createClient, type Client } from 'graphql-ws';
import { pino } from 'pino';
import WebSocket from 'ws';
import { createGateway, type Gateway } from '../../gateway/gateway.js';
import {
  openGatewayServer,
  type GatewayServer,
  type GatewayServerOptions,
} from '../../gateway/ingress/gateway-server.js';
import { planInThread } from '../../gateway/planning/in-thread-planning.js';
import type { OperationLimitSettings } from '../../gateway/planning/operation-limit-settings.js';
import { createInProcessTransport } from '../../gateway/transports/in-process-transport.js';
import type { Transport } from '../../gateway/transports/transport.js';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import { createIdentify, parseApiKeys } from '../../kernel/identity/api-keys.js';
import { DEFAULT_WORKSPACE } from '../../kernel/identity/principal.js';
import { createMetrics, type Metrics } from '../../kernel/telemetry/metrics.js';
import { createEventSource, type EventSource } from './event-source.js';
import { composeTestSupergraph, toLocal, type TestSubgraph } from './test-gateway.js';

/** A gateway on a port, over two small subgraphs in this process. */
export interface ServedGateway {
  readonly url: string;
  readonly webSocketUrl: string;
  readonly gateway: Gateway;
  readonly server: GatewayServer;
  readonly metrics: Metrics;
  /** What the tests want to know of the subgraphs, and tell them. */
  readonly inside: Inside;
  /** The log so far, a line each. */
  readonly log: readonly string[];
  post(body: unknown, headers?: Record<string, string>): Promise<Answer>;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  openClient(parameters?: Record<string, unknown>): Client;
  openSocket(headers?: Record<string, string>): WebSocket;
  close(): Promise<void>;
}

export interface Inside {
  /** Feeds `sold`. */
  readonly sold: EventSource<{ sold: { id: string } }>;
  /** Lets `slow` answer. */
  answerSlow(text: string): void;
  /** How many wait for `slow`. */
  waiting: number;
  mutations: number;
  /** Which subgraphs do not answer their health checks. */
  readonly down: Set<string>;
  /** Lets a subscription to `opening` begin. */
  open(): void;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // The shape is what the tests look at.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly json: any;
}

export const API_KEY = 'a-key-of-twenty-four-characters';

export interface ServeGatewayOptions extends Partial<GatewayServerOptions> {
  readonly limits?: Partial<OperationLimitSettings>;
  readonly apiKeys?: string;
  readonly coalesceQueries?: boolean;
}

/** The most bytes of a request body, and of a WebSocket message. */
export const MAX_BODY_BYTES = 100_000;

function createSubgraphs(): { subgraphs: Record<string, TestSubgraph>; inside: Inside } {
  let answerSlow: (text: string) => void = () => undefined;
  const slow = new Promise<string>((resolve) => (answerSlow = resolve));
  let open: () => void = () => undefined;
  const opening = new Promise<void>((resolve) => (open = resolve));
  const inside: Inside = {
    sold: createEventSource(),
    answerSlow: (text) => {
      answerSlow(text);
    },
    waiting: 0,
    mutations: 0,
    down: new Set(),
    open: () => {
      open();
    },
  };
  const shop: TestSubgraph = {
    typeDefs: `
      type Query { hello(name: String = "you"): String! product(id: ID!): Product fails: Int strict: Int! slow: String whoAsks: String deep: Deep greet(mood: Mood): String list(first: Int): [Product!] }
      enum Mood { GOOD BAD }
      type Mutation { sell(id: ID!): Product }
      type Subscription { sold: Product breaks: Int refused: Int opening: Int }
      type Product @key(fields: "id") { id: ID! name: String }
      type Deep { a: Deep b: Int }`,
    resolvers: {
      Query: {
        hello: (_parent: unknown, { name }: { name: string }) => `hello ${name}`,
        product: (_parent: unknown, { id }: { id: string }) => ({ id }),
        fails: () => {
          throw new Error('a secret');
        },
        strict: () => {
          throw new AegisError('CONFLICT', 'not now', { retryAfterMs: 5 });
        },
        slow: () => {
          inside.waiting += 1;
          return slow;
        },
        whoAsks: (_parent: unknown, _args: unknown, context: unknown) => {
          const { principal, trace } = context as RequestContext;
          return `${principal.subject} ${trace.traceId}`;
        },
      },
      Mutation: {
        sell: (_parent: unknown, { id }: { id: string }) => {
          inside.mutations += 1;
          return { id };
        },
      },
      Subscription: {
        sold: { subscribe: () => inside.sold.open() },
        breaks: {
          subscribe: async function* () {
            yield { breaks: 1 };
            await Promise.resolve();
            throw new Error('a secret');
          },
        },
        refused: {
          subscribe: () => {
            throw new AegisError('FORBIDDEN', 'not for you');
          },
        },
        opening: {
          subscribe: async () => {
            inside.waiting += 1;
            await opening;
            return inside.sold.open();
          },
          resolve: () => 1,
        },
      },
      Product: { name: ({ id }: { id: string }) => `product ${id}` },
    },
  };
  const stock: TestSubgraph = {
    typeDefs: 'type Product @key(fields: "id") { id: ID! units: Int }',
    resolvers: {
      Product: {
        units: ({ id }: { id: string }) => {
          if (id === '0') throw new AegisError('NOT_FOUND', 'none');
          return Number(id) * 10;
        },
      },
    },
  };
  return { subgraphs: { shop, stock }, inside };
}

export async function serveGateway({
  apiKeys = '',
  limits = {},
  coalesceQueries = false,
  ...options
}: ServeGatewayOptions = {}): Promise<ServedGateway> {
  const { subgraphs, inside } = createSubgraphs();
  const log: string[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => void log.push(line) });
  const metrics = createMetrics();
  const gateway = createGateway({
    ...planInThread(composeTestSupergraph(subgraphs)),
    openTransport: ({ name }): Transport => ({
      ...createInProcessTransport({ subgraph: toLocal(name, subgraphs[name]), logger }),
      health: () =>
        Promise.resolve(
          inside.down.has(name) ? { state: 'DOWN', reason: 'does not answer' } : { state: 'UP' },
        ),
    }),
    logger,
    metrics,
    operationTimeoutMs: 5_000,
    planCacheSize: 100,
    tracing: options.tracing,
    coalesceQueries,
    ...limits,
  });
  const server = await openGatewayServer({
    gateway,
    host: '127.0.0.1',
    port: 0,
    identify: createIdentify(parseApiKeys(apiKeys), { openWorkspace: DEFAULT_WORKSPACE }),
    open: apiKeys === '',
    allowedOrigins: [],
    maxBodyBytes: MAX_BODY_BYTES,
    pagesFolder: 'dist/no-pages',
    logger,
    metrics,
    routes: [],
    closeDeadlineMs: 1_000,
    ...options,
  });
  const webSocketUrl = `${server.url.replace('http', 'ws')}/graphql`;
  const clients: Client[] = [];
  const sockets: WebSocket[] = [];

  return {
    url: server.url,
    webSocketUrl,
    gateway,
    server,
    metrics,
    inside,
    log,
    post: (body, headers = {}) =>
      send(
        `${server.url}/graphql`,
        'POST',
        { 'content-type': 'application/json', ...headers },
        typeof body === 'string' ? body : JSON.stringify(body),
      ),
    get: (path, headers = {}) => send(server.url + path, 'GET', headers),
    openClient(parameters = {}) {
      const client = createClient({
        url: webSocketUrl,
        webSocketImpl: WebSocket,
        connectionParams: parameters,
        retryAttempts: 0,
      });
      clients.push(client);
      return client;
    },
    openSocket(headers = {}) {
      const socket = new WebSocket(webSocketUrl, 'graphql-transport-ws', { headers });
      socket.on('error', () => undefined);
      sockets.push(socket);
      return socket;
    },
    async close() {
      for (const client of clients) await client.dispose();
      for (const socket of sockets) socket.terminate();
      await server.close();
      await gateway.close();
    },
  };
}

/** Sends what `fetch` would not: any Host and Origin, a body that goes with GET. */
export function send(
  url: string,
  method: string,
  headers: Record<string, string>,
  body?: string | Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const pairs = Object.entries(response.headers).map(([name, value]): [string, string] => [
          name,
          String(value),
        ]);
        resolve({
          status: response.statusCode ?? 0,
          headers: new Headers(pairs),
          text,
          json: parseJson(text),
        });
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
