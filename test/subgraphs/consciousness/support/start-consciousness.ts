import { execute, parse, subscribe, type ExecutionResult, type GraphQLSchema } from 'graphql';
import { pino } from 'pino';
import { readSettings } from '../../../../kernel/config/settings.js';
import type { Database } from '../../../../kernel/database/database.js';
import { createEventLog, type NewEvent } from '../../../../kernel/events/event-log.js';
import { createInProcessLiveBus } from '../../../../kernel/events/in-process-live-bus.js';
import type { LiveBus } from '../../../../kernel/events/live-bus.js';
import { loadTypeDefs } from '../../../../kernel/graphql/load-type-defs.js';
import { createSubgraphSchema } from '../../../../kernel/graphql/subgraph-schema.js';
import type { Identify, Subgraph } from '../../../../kernel/graphql/subgraph.js';
import { parseWorkspaceId, type WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { TopicRoutes } from '../../../../kernel/messaging/topic-routes.js';
import { createMetrics } from '../../../../kernel/telemetry/metrics.js';
import { continueTrace } from '../../../../kernel/telemetry/trace-context.js';
import { settings, type ConsciousnessSettings } from '../../../../subgraphs/consciousness/config.js';
import { createConsciousness } from '../../../../subgraphs/consciousness/consciousness.js';
import type { Context } from '../../../../subgraphs/consciousness/context.js';
import { createManualClock, type ManualClock } from './manual-clock.js';

/** A running subgraph with its clock in the test's hands. */
export interface Consciousness {
  readonly workspace: WorkspaceId;
  readonly clock: ManualClock;
  readonly bus: LiveBus;
  readonly subgraph: Subgraph<Context>;
  /** What was logged as a warning or worse. */
  readonly complaints: readonly string[];
  /** States a fact, and returns when the network has heard of it. */
  state(event: Pick<NewEvent, 'type' | 'data'>): Promise<void>;
  /** Registers a device whose metrics all have the unit 1. */
  register(id: string, name: string, metrics: readonly string[]): Promise<void>;
  /** Publishes readings of a device, measured now. */
  measure(deviceId: string, values: Readonly<Record<string, number>>): Promise<void>;
  query(source: string, variables?: Readonly<Record<string, unknown>>): Promise<ExecutionResult>;
  subscribe(source: string): Promise<AsyncGenerator<ExecutionResult> | ExecutionResult>;
}

export interface StartOptions {
  readonly database: Database;
  readonly workspace: WorkspaceId;
  readonly clock?: ManualClock;
  readonly bus?: LiveBus;
  readonly settings?: Partial<ConsciousnessSettings>;
  /** Lets nobody in by default. */
  readonly identify?: Identify;
  readonly topics?: TopicRoutes;
}

export const START = new Date('2026-01-31T12:00:00.500Z');

let workspaces = 0;

/** A workspace that no other test has used. */
export function newWorkspace(): WorkspaceId {
  workspaces += 1;
  const workspace = parseWorkspaceId(`workspace-${workspaces}`);
  if (!workspace) throw new Error('expected a good name');
  return workspace;
}

export async function startConsciousness(options: StartOptions): Promise<Consciousness> {
  const { database, workspace, clock = createManualClock(START), bus = createInProcessLiveBus() } = options;
  const complaints: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => complaints.push(line) });
  const log = createEventLog({ database, bus });
  const values = { ...readSettings(settings, { flags: {}, env: {} }), ...options.settings };
  const metrics = createMetrics();
  const { identify = () => undefined, topics } = options;
  const deps = { database, log, bus, logger, metrics, workspaces: [workspace], identify, topics };
  const subgraph = createConsciousness(deps, values, clock);
  const schema = createSubgraphSchema(await loadTypeDefs('schema', 'consciousness'), subgraph.resolvers);
  await subgraph.start();

  async function state(event: Pick<NewEvent, 'type' | 'data'>): Promise<void> {
    const rows = database.inWorkspace(workspace);
    await rows.transaction((transaction) => log.append(transaction, { source: '/devices', ...event }));
    const newest = await rows.client.event.findFirst({ orderBy: { sequence: 'desc' } });
    await waitForConsumer(database, workspace, newest?.sequence ?? 0n);
  }

  const request = () => ({
    principal: { subject: 'test', workspace, roles: ['admin'] },
    trace: continueTrace(undefined),
  });
  return {
    workspace,
    clock,
    bus,
    subgraph,
    complaints,
    state,
    register: (id, name, metricNames) =>
      state({ type: 'aegis.device.registered', data: { id, name, metrics: withUnits(metricNames) } }),
    async measure(deviceId, readings) {
      const at = clock.now().getTime();
      const messages = Object.entries(readings).map(([metric, value]) => ({
        ...{ deviceId, metric, value, unit: '1', measuredAtMs: at, receivedAtMs: at, sequence: '1' },
      }));
      await bus.publish({ workspace, name: 'devices.readings' }, messages);
    },
    query: (source, variables = {}) =>
      run(schema, { source, variables, context: subgraph.createContext(request()) }),
    subscribe: async (source) =>
      subscribe({ schema, document: parse(source), contextValue: subgraph.createContext(request()) }),
  };
}

export function withUnits(metrics: readonly string[]): { name: string; unit: string }[] {
  return metrics.map((name) => ({ name, unit: '1' }));
}

async function waitForConsumer(database: Database, workspace: WorkspaceId, sequence: bigint): Promise<void> {
  const { client } = database.inWorkspace(workspace);
  const deadlineAt = Date.now() + 10_000;
  for (;;) {
    const place = await client.eventCursor.findFirst({ where: { consumer: 'consciousness.devices' } });
    if (place && place.sequence >= sequence) return;
    if (Date.now() > deadlineAt) throw new Error('the facts were not read within 10 s');
  }
}

interface Operation {
  readonly source: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly context: Context;
}

async function run(
  schema: GraphQLSchema,
  { source, variables, context }: Operation,
): Promise<ExecutionResult> {
  const result = await execute({
    schema,
    document: parse(source),
    variableValues: variables,
    contextValue: context,
  });
  // Without graphql-js's prototype-less objects, so that results compare with literals.
  return JSON.parse(JSON.stringify(result)) as ExecutionResult;
}
