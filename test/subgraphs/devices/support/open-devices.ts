import { fastify } from 'fastify';
import { execute, parse, subscribe, validate, type ExecutionArgs, type ExecutionResult } from 'graphql';
import { readSettings } from '../../../../kernel/config/settings.js';
import type { Database } from '../../../../kernel/database/database.js';
import { createEventLog, type EventLog } from '../../../../kernel/events/event-log.js';
import { createInProcessLiveBus } from '../../../../kernel/events/in-process-live-bus.js';
import type { LiveBus } from '../../../../kernel/events/live-bus.js';
import type { Identify, Subgraph } from '../../../../kernel/graphql/subgraph.js';
import { loadTypeDefs } from '../../../../kernel/graphql/load-type-defs.js';
import { createSubgraphSchema } from '../../../../kernel/graphql/subgraph-schema.js';
import { newId } from '../../../../kernel/ids/ids.js';
import { parseWorkspaceId, type WorkspaceId } from '../../../../kernel/identity/principal.js';
import { createLogger } from '../../../../kernel/telemetry/logger.js';
import { createMetrics, type Metrics } from '../../../../kernel/telemetry/metrics.js';
import { settings } from '../../../../subgraphs/devices/config.js';
import type { Context } from '../../../../subgraphs/devices/context.js';
import { createDevices } from '../../../../subgraphs/devices/devices.js';
import type {
  Device,
  Mutation,
  Query,
  Subscription,
} from '../../../../subgraphs/devices/generated/schema-types.js';

/** The data of a response: a test knows which of the fields it has asked for. */
export type Answer = Query & Mutation & { readonly _entities: readonly (Device | null)[] };

type Variables = Readonly<Record<string, unknown>>;

/** A running subgraph in a workspace of its own. */
export interface TestDevices {
  readonly workspace: WorkspaceId;
  readonly subgraph: Subgraph<Context>;
  readonly log: EventLog;
  readonly bus: LiveBus;
  readonly metrics: Metrics;
  readonly mqttUrl: string;
  /** Where `POST /ingest/<device>` is served. */
  readonly ingestUrl: string;
  /** Sends telemetry over HTTP and gives the body of the answer. */
  send(device: string, telemetry: unknown): Promise<unknown>;
  /** Runs a query or mutation and gives its result, errors included. */
  run(query: string, variables?: Variables): Promise<ExecutionResult>;
  /** Runs a query or mutation and gives its data. Errors: the first one of its result. */
  ask(query: string, variables?: Variables): Promise<Answer>;
  /** Registers a device with metrics in `Cel` and gives its id. */
  register(name: string, metrics?: readonly string[]): Promise<string>;
  subscribe(
    query: string,
    variables?: Variables,
  ): Promise<AsyncGenerator<ExecutionResult<Subscription>, void, void>>;
  close(): Promise<void>;
}

export interface OpenDevicesOptions {
  readonly database: Database;
  readonly workspace?: WorkspaceId;
  readonly bus?: LiveBus;
  readonly env?: Readonly<Record<string, string>>;
  /** Lets everybody in when left out. */
  readonly identify?: Identify;
}

/** Makes a workspace that no other test has. */
export function newWorkspace(): WorkspaceId {
  const workspace = parseWorkspaceId(newId('w').replace('_', '-'));
  if (!workspace) throw new Error('the id makes no workspace');
  return workspace;
}

/** Opens the subgraph on a database that it may share with others, its embedded broker on any free port. */
export async function openDevices(options: OpenDevicesOptions): Promise<TestDevices> {
  const { database, workspace = newWorkspace(), bus = createInProcessLiveBus(), env = {} } = options;
  const principal = { subject: 'test', workspace, roles: [] };
  const log = createEventLog({ database, bus });
  const metrics = createMetrics();
  const subgraph = createDevices(
    {
      ...{ database, log, bus, metrics },
      logger: createLogger({ level: 'silent', pretty: false }),
      workspaces: [workspace],
      identify: options.identify ?? (() => principal),
    },
    readSettings(settings, { flags: {}, env: { AEGIS_MQTT_PORT: '0', AEGIS_COAP_PORT: '0', ...env } }),
  );
  const schema = createSubgraphSchema(await loadTypeDefs('schema', 'devices'), subgraph.resolvers);
  await subgraph.start().catch(async (error: unknown) => {
    await subgraph.close();
    throw error;
  });
  const server = fastify();
  subgraph.routes?.(server);
  const ingestUrl = `${await server.listen({ port: 0, host: '127.0.0.1' })}/ingest`;

  const toArguments = (query: string, variables: Variables): ExecutionArgs => ({
    schema,
    document: parse(query),
    variableValues: variables,
    contextValue: subgraph.createContext({
      principal,
      trace: { traceId: '1'.repeat(32), traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` },
    }),
  });

  /** As a server does: without it a misspelt field is left out of the result, and nothing tells of it. */
  async function run(query: string, variables: Variables = {}): Promise<ExecutionResult> {
    const args = toArguments(query, variables);
    const errors = validate(schema, args.document);
    return errors.length > 0 ? { errors } : execute(args);
  }

  async function ask(query: string, variables: Variables = {}): Promise<Answer> {
    const { data, errors } = await run(query, variables);
    if (errors?.[0]) throw errors[0];
    return data as unknown as Answer;
  }

  return {
    ...{ workspace, subgraph, log, bus, metrics, run, ask, ingestUrl },
    mqttUrl: subgraph.endpoints?.()['mqtt'] ?? '',
    async send(device, telemetry) {
      const response = await fetch(`${ingestUrl}/${device}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(telemetry),
      });
      return response.json();
    },
    async register(name, names = ['temperature']) {
      const input = { name, metrics: names.map((metric) => ({ name: metric, unit: 'Cel' })) };
      const { registerDevice } = await ask(REGISTER, { input });
      if (registerDevice.userErrors.length > 0) throw new Error(JSON.stringify(registerDevice.userErrors));
      return registerDevice.device?.id ?? '';
    },
    async subscribe(query, variables = {}) {
      const args = toArguments(query, variables);
      const [fault] = validate(schema, args.document);
      if (fault) throw fault;
      const stream = await subscribe(args);
      if (!(Symbol.asyncIterator in stream)) throw stream.errors?.[0] ?? new Error('no stream came');
      return stream as AsyncGenerator<ExecutionResult<Subscription>, void, void>;
    },
    async close() {
      await server.close();
      await subgraph.close();
    },
  };
}

const REGISTER = `mutation ($input: RegisterDeviceInput!) {
  registerDevice(input: $input) { device { id } userErrors { code message path } }
}`;
