/* The gateway and the shop's subgraphs in one process: called in it, or over HTTP on the loopback. The subgraphs execute every
 * fetch anew, in the same way both times, and their documents are parsed once. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { execute, parse, type DocumentNode, type ExecutionResult } from 'graphql';
import { createGateway, type Gateway } from '../../gateway/gateway.js';
import { createInThreadPlanning } from '../../gateway/planning/in-thread-planning.js';
import { composeSupergraph } from '../../gateway/supergraph/compose.js';
import type { SubgraphAddress } from '../../gateway/supergraph/snapshot.js';
import { createHttpTransport } from '../../gateway/transports/http-transport.js';
import { createInProcessTransport } from '../../gateway/transports/in-process-transport.js';
import { readVariables, type Transport } from '../../gateway/transports/transport.js';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import { DEFAULT_WORKSPACE } from '../../kernel/identity/principal.js';
import { createLogger } from '../../kernel/telemetry/logger.js';
import { createMetrics } from '../../kernel/telemetry/metrics.js';
import { continueTrace } from '../../kernel/telemetry/trace-context.js';
import { createShopSchemas, SHOP_TYPE_DEFS } from '../shop/shop.js';
import { percentilesOf, type Percentiles } from '../support/percentiles.js';
import { serveTasks } from '../support/tasks.js';

/** How the gateway reaches its subgraphs; `none`: the fetches of one operation alone, one after the other. */
export type Way = 'in process' | 'HTTP' | 'none';

export type InProcessGatewayTasks = {
  /** @returns the length of the answer to the query, in characters. */
  readonly open: (options: { readonly way: Way; readonly query: string }) => Promise<number>;
  /** Executes the query again and again for a while, so many at a time. */
  readonly load: (options: { readonly windowMs: number; readonly atATime: number }) => Promise<Outcome>;
};

/** The time is that of a whole operation, the processor's that of the whole process. */
export interface Outcome extends Percentiles {
  readonly operations: number;
  readonly seconds: number;
  readonly cpuMs: number;
}

type Fetch = { readonly subgraph: string; readonly document: DocumentNode; readonly variables: object };

const schemas = createShopSchemas();
const state = { operate: (): Promise<unknown> => Promise.reject(new Error('expected to be opened first')) };
const context: RequestContext = {
  principal: { subject: 'bench', workspace: DEFAULT_WORKSPACE, roles: [] },
  trace: continueTrace(undefined),
};

function openTransport({ name, url }: SubgraphAddress, way: Way): Transport {
  const schema = schemas[name];
  if (!schema) throw new Error(`there is no subgraph ${name}`);
  if (way === 'HTTP') {
    const limits = { timeoutMs: 10_000, connections: 64, maxResponseBytes: 10_000_000 };
    return createHttpTransport({ subgraph: name, url, ...limits, headersFor: () => Promise.resolve({}) });
  }
  return createInProcessTransport({
    subgraph: {
      name,
      schema,
      createContext: (request) => request,
      health: () => Promise.resolve({ state: 'UP' }),
    },
    logger: createLogger({ level: 'error', pretty: false }),
  });
}

/** Serves the subgraphs over HTTP, as plainly as it goes. */
async function serveSubgraphs(): Promise<string> {
  const documents = new Map<string, DocumentNode>();
  async function answer(name: string, body: string): Promise<string> {
    const schema = schemas[name];
    if (!schema) throw new Error(`there is no subgraph ${name}`);
    const { query, variables } = JSON.parse(body) as { query: string; variables?: Record<string, unknown> };
    const document = documents.get(query) ?? parse(query, { noLocation: true });
    documents.set(query, document);
    return JSON.stringify(await execute({ schema, document, variableValues: variables ?? {} }));
  }
  const server = createServer((request, response) => {
    void text(request)
      .then((body) => answer(request.url?.slice(1) ?? '', body))
      .then((json) => response.writeHead(200, { 'content-type': 'application/json' }).end(json));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function openGateway(way: Way, watch: (fetch: Fetch) => void): Promise<Gateway> {
  const upstream = way === 'HTTP' ? await serveSubgraphs() : 'http://127.0.0.1:1';
  const contracts = Object.entries(SHOP_TYPE_DEFS).map(([name, typeDefs]) => ({
    name,
    typeDefs,
    url: `${upstream}/${name}`,
  }));
  const planning = createInThreadPlanning();
  return createGateway({
    supergraph: await planning.open(composeSupergraph(contracts)),
    planning,
    openTransport(address) {
      const transport = openTransport(address, way);
      if (way !== 'none') return transport;
      return {
        ...transport,
        execute(request) {
          watch({
            subgraph: address.name,
            document: request.operation.document,
            variables: readVariables(request),
          });
          return transport.execute(request);
        },
      };
    },
    logger: createLogger({ level: 'error', pretty: false }),
    metrics: createMetrics(),
    operationTimeoutMs: 30_000,
    planCacheSize: 100,
  });
}

/** Executes one operation as far as its bytes. */
async function operate(gateway: Gateway, query: string): Promise<string> {
  const generation = gateway.current;
  const document = generation.readDocument(query);
  if (!('kind' in document)) throw new Error(document.map(({ message }) => message).join('\n'));
  const { signal } = new AbortController();
  const result: ExecutionResult = await gateway.execute({
    ...{ generation, document, variables: {}, context, signal },
    written: true,
  });
  if (result.errors) throw new Error(result.errors.map(({ message }) => message).join('\n'));
  return JSON.stringify(result);
}

async function executeFetches(fetches: readonly Fetch[]): Promise<void> {
  for (const { subgraph, document, variables } of fetches) {
    const schema = schemas[subgraph];
    if (schema) await execute({ schema, document, variableValues: { ...variables } });
  }
}

serveTasks({
  async open({ way, query }) {
    const fetches: Fetch[] = [];
    const gateway = await openGateway(way, (fetch) => fetches.push(fetch));
    const answer = await operate(gateway, query);
    const seen = [...fetches];
    state.operate = () => (way === 'none' ? executeFetches(seen) : operate(gateway, query));
    return answer.length;
  },
  async load({ windowMs, atATime }) {
    const latencies: number[] = [];
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    async function work(): Promise<void> {
      while (performance.now() - startedAt < windowMs) {
        const begunAt = performance.now();
        await state.operate();
        latencies.push(performance.now() - begunAt);
        // What comes over sockets has its turn even when nothing here waits for one.
        await new Promise(setImmediate);
      }
    }
    await Promise.all(Array.from({ length: atATime }, work));
    const { user, system } = process.cpuUsage(cpuBefore);
    const seconds = (performance.now() - startedAt) / 1_000;
    return {
      ...percentilesOf(latencies),
      operations: latencies.length,
      seconds,
      cpuMs: (user + system) / 1_000,
    };
  },
} satisfies InProcessGatewayTasks);
