import { fileURLToPath } from 'node:url';
import Fastify from 'fastify';
import { execute, parse, type DocumentNode, type ExecutionResult, type GraphQLSchema } from 'graphql';
import { pino } from 'pino';
import { loadDoor } from '../../cli/subgraph-doors.js';
import { listSubgraphNames } from '../../cli/subgraph-names.js';
import { readSettings } from '../../kernel/config/settings.js';
import type { Database } from '../../kernel/database/database.js';
import { createEventLog, type EventLog } from '../../kernel/events/event-log.js';
import { createInProcessLiveBus } from '../../kernel/events/in-process-live-bus.js';
import type { LiveBus } from '../../kernel/events/live-bus.js';
import { loadTypeDefs } from '../../kernel/graphql/load-type-defs.js';
import { createSubgraphSchema } from '../../kernel/graphql/subgraph-schema.js';
import type { RequestContext, Subgraph, SubgraphDeps } from '../../kernel/graphql/subgraph.js';
import { subscribePerEvent } from '../../kernel/graphql/subscribe-per-event.js';
import { DEFAULT_WORKSPACE, type Principal } from '../../kernel/identity/principal.js';
import { mapIterator } from '../../kernel/streams/map-iterator.js';
import { createMetrics } from '../../kernel/telemetry/metrics.js';
import { continueTrace } from '../../kernel/telemetry/trace-context.js';

/** Where the contracts are. */
export const SCHEMA_FOLDER = fileURLToPath(new URL('../../schema', import.meta.url));

const PRINCIPAL: Principal = { subject: 'test', workspace: DEFAULT_WORKSPACE, roles: ['admin'] };

/** A subgraph of ours with its contract. */
export interface LocalSubgraph {
  readonly name: string;
  readonly subgraph: Subgraph;
  readonly typeDefs: DocumentNode;
  readonly schema: GraphQLSchema;
}

/** Every subgraph of ours in this process, on one database and one live bus. */
export interface LocalSystem {
  readonly subgraphs: ReadonlyMap<string, LocalSubgraph>;
  readonly bus: LiveBus;
  readonly log: EventLog;
  /** What was logged as a warning or worse. */
  readonly complaints: string[];
  /** Starts the subgraphs. Until then they answer from the database, and nothing of them runs on its own. */
  start(): Promise<void>;
  /** Sends telemetry to `POST /ingest/<device>`. Errors: when it is not accepted. */
  ingest(device: string, telemetry: unknown): Promise<void>;
  /** Leaves the database open. */
  close(): Promise<void>;
}

export interface LocalSystemOptions {
  readonly database: Database;
  /** Settings of subgraphs by the names of their variables. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What a resolver knows of a request of the tests. */
export function requestContext(): RequestContext {
  return { principal: PRINCIPAL, trace: continueTrace(undefined) };
}

/** Puts every folder of `subgraphs/` together as `aegis start` does, without the gateway and the probe. */
export async function openLocalSystem({ database, env = {} }: LocalSystemOptions): Promise<LocalSystem> {
  const complaints: string[] = [];
  const bus = createInProcessLiveBus();
  const log = createEventLog({ database, bus });
  const deps: SubgraphDeps = {
    ...{ database, bus, log, workspaces: [DEFAULT_WORKSPACE] },
    logger: pino({ level: 'warn' }, { write: (line: string) => complaints.push(line) }),
    metrics: createMetrics(),
    identify: () => PRINCIPAL,
  };
  const server = Fastify();
  const subgraphs = new Map<string, LocalSubgraph>();
  // One after the other: jest mixes up modules that are loaded by several imports at the same time.
  for (const name of await listSubgraphNames()) {
    const door = await loadDoor(name);
    const settings = readSettings(door.settings, {
      flags: {},
      env: { AEGIS_MQTT_PORT: '0', AEGIS_COAP_PORT: '0', ...env },
    });
    const subgraph = door.create(deps, settings);
    const typeDefs = await loadTypeDefs(SCHEMA_FOLDER, name);
    const schema = createSubgraphSchema(typeDefs, subgraph.resolvers);
    subgraph.routes?.(server);
    subgraphs.set(name, { name, subgraph, typeDefs, schema });
  }
  let started: Subgraph[] = [];
  let url = '';

  return {
    subgraphs,
    bus,
    log,
    complaints,
    async start() {
      for (const { subgraph } of subgraphs.values()) {
        started.push(subgraph);
        await subgraph.start();
      }
      url = await server.listen({ host: '127.0.0.1', port: 0 });
    },
    ingest: (device, telemetry) => postTelemetry(url, device, telemetry),
    async close() {
      for (const subgraph of started.reverse()) await subgraph.close();
      started = [];
      await server.close();
      await bus.close();
    },
  };
}

async function postTelemetry(url: string, device: string, telemetry: unknown): Promise<void> {
  const answer = await fetch(`${url}/ingest/${device}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(telemetry),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
}

/** Asks one subgraph. Errors: when the answer has errors. */
export async function askSubgraph<Data>(
  system: LocalSystem,
  name: string,
  query: string,
  variableValues: Readonly<Record<string, unknown>> = {},
): Promise<Data> {
  const { schema, subgraph } = subgraphOf(system, name);
  const contextValue = subgraph.createContext(requestContext());
  return readData(await execute({ schema, document: parse(query), variableValues, contextValue })) as Data;
}

/** Subscribes to one subgraph. Errors: when it refuses; when an event has errors. */
export async function subscribeSubgraph<Data>(
  system: LocalSystem,
  name: string,
  subscription: string,
): Promise<AsyncIterableIterator<Data>> {
  const { schema, subgraph } = subgraphOf(system, name);
  const createContext = () => subgraph.createContext(requestContext());
  const document = parse(subscription);
  const events = await subscribePerEvent({ schema, document, contextValue: createContext() }, createContext);
  if (Symbol.asyncIterator in events) return mapIterator(events, (event) => readData(event) as Data);
  throw new Error(JSON.stringify(events.errors));
}

function subgraphOf({ subgraphs }: LocalSystem, name: string): LocalSubgraph {
  const subgraph = subgraphs.get(name);
  if (subgraph) return subgraph;
  throw new Error(`expected one of ${[...subgraphs.keys()].join(', ')}, got ${name}`);
}

function readData({ data, errors }: ExecutionResult): unknown {
  if (errors || !data) throw new Error(JSON.stringify(errors ?? 'no data'));
  return data;
}
