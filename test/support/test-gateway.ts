import { buildSubgraphSchema } from '@apollo/subgraph';
import type { GraphQLResolverMap } from '@apollo/subgraph/dist/schema-helper/resolverMap.js';
import { parse, print, type ExecutionResult } from 'graphql';
import type { IncrementalResult } from '../../gateway/execution/incremental-result.js';
import { readData } from '../../gateway/execution/written-data.js';
import { createGateway, type Gateway } from '../../gateway/gateway.js';
import type { GatewayOperation } from '../../gateway/gateway-operation.js';
import { planInThread } from '../../gateway/planning/in-thread-planning.js';
import { composeSupergraph } from '../../gateway/supergraph/compose.js';
import {
  createInProcessTransport,
  type LocalSubgraph,
} from '../../gateway/transports/in-process-transport.js';
import { readVariables, type SubgraphRequest, type Transport } from '../../gateway/transports/transport.js';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import { DEFAULT_WORKSPACE } from '../../kernel/identity/principal.js';
import { createLogger, type Logger } from '../../kernel/telemetry/logger.js';
import { createMetrics } from '../../kernel/telemetry/metrics.js';
import { continueTrace } from '../../kernel/telemetry/trace-context.js';

/** A subgraph of a test: its SDL, without the federation link, and its resolvers. */
export interface TestSubgraph {
  readonly typeDefs: string;
  readonly resolvers?: GraphQLResolverMap<unknown>;
  /** The context of each request and each event; that of the gateway itself by default. */
  readonly createContext?: (request: RequestContext) => RequestContext;
}

/** A fetch that reached a subgraph. */
export interface SeenFetch {
  readonly subgraph: string;
  readonly text: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

export interface TestGateway {
  readonly gateway: Gateway;
  readonly fetches: SeenFetch[];
  /** Executes an operation that must be valid. */
  run(text: string, variables?: Record<string, unknown>, signal?: AbortSignal): Promise<ExecutionResult>;
  /** Executes an operation that must be valid, its deferred parts to come later. */
  runIncrementally(
    text: string,
    variables?: Record<string, unknown>,
    signal?: AbortSignal,
  ): Promise<ExecutionResult | IncrementalResult>;
  /** Errors: when the subscription is refused. */
  subscribe(
    text: string,
    variables?: Record<string, unknown>,
    signal?: AbortSignal,
  ): Promise<AsyncIterableIterator<ExecutionResult>>;
  close(): Promise<void>;
}

export interface TestGatewayOptions {
  readonly operationTimeoutMs?: number;
  /** In place of what the subgraphs compose to. */
  readonly supergraphSdl?: string;
  readonly activeOverrides?: readonly string[];
  /** Silent by default. */
  readonly logger?: Logger;
}

const FEDERATION_LINK = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: [
  "@key", "@requires", "@provides", "@external", "@shareable", "@override", "@inaccessible", "@interfaceObject", "@tag",
  "@context", "@fromContext", "@composeDirective"
])\n`;

/** The context of a request that nobody in particular sends. */
export function anyContext(): RequestContext {
  return {
    principal: { subject: 'test', workspace: DEFAULT_WORKSPACE, roles: [] },
    trace: continueTrace(undefined),
  };
}

export function composeTestSupergraph(subgraphs: Readonly<Record<string, TestSubgraph>>): string {
  return composeSupergraph(
    Object.entries(subgraphs).map(([name, { typeDefs }]) => ({
      name,
      url: '',
      typeDefs: parse(FEDERATION_LINK + typeDefs),
    })),
  );
}

/** A gateway over subgraphs in this process. `wrap` puts something between the two, such as a fault. */
export function openTestGateway(
  subgraphs: Readonly<Record<string, TestSubgraph>>,
  wrap: (transport: Transport, name: string) => Transport = (transport) => transport,
  options: TestGatewayOptions = {},
): TestGateway {
  const { operationTimeoutMs = 5_000, supergraphSdl = composeTestSupergraph(subgraphs) } = options;
  const { logger = createLogger({ level: 'silent', pretty: false }), activeOverrides } = options;
  const fetches: SeenFetch[] = [];

  function open(name: string): Transport {
    const transport = createInProcessTransport({ subgraph: toLocal(name, subgraphs[name]), logger });
    const seen = (request: SubgraphRequest) => {
      const { text } = request.operation;
      fetches.push({ subgraph: name, text: print(parse(text)), variables: readVariables(request) });
    };
    return wrap(
      {
        ...transport,
        execute(request) {
          seen(request);
          return transport.execute(request);
        },
      },
      name,
    );
  }

  const gateway = createGateway({
    ...planInThread(supergraphSdl),
    openTransport: ({ name }) => open(name),
    logger,
    metrics: createMetrics(),
    operationTimeoutMs,
    planCacheSize: 100,
    activeOverrides,
  });

  function read(
    text: string,
    variables: Record<string, unknown>,
    signal = new AbortController().signal,
  ): GatewayOperation {
    const generation = gateway.current;
    const document = generation.readDocument(text);
    if (!('kind' in document)) throw new Error(document.map((error) => error.message).join('\n'));
    return { generation, document, variables, context: anyContext(), signal };
  }

  return {
    gateway,
    fetches,
    async run(text, variables = {}, signal) {
      const result = await gateway.execute({ ...read(text, variables, signal), written: true });
      return 'data' in result ? { ...result, data: readData(result.data) } : result;
    },
    runIncrementally: (text, variables = {}, signal) =>
      gateway.executeIncrementally(read(text, variables, signal)),
    async subscribe(text, variables = {}, signal) {
      const events = await gateway.subscribe(read(text, variables, signal));
      if (Symbol.asyncIterator in events) return events;
      throw new Error(events.errors?.map((error) => error.message).join('\n') ?? 'no events');
    },
    close: () => gateway.close(),
  };
}

/** A subgraph as this process calls it. */
export function toLocal(
  name: string,
  { typeDefs, resolvers = {}, createContext = (request) => request }: TestSubgraph = { typeDefs: '' },
): LocalSubgraph {
  return {
    name,
    schema: buildSubgraphSchema([{ typeDefs: parse(FEDERATION_LINK + typeDefs), resolvers }]),
    createContext,
    health: () => Promise.resolve({ state: 'UP' }),
  };
}
