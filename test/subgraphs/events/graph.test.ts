import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execute, parse, subscribe, type ExecutionResult } from 'graphql';
import type { Database } from '../../../kernel/database/database.js';
import { createEventLog, type EventLog } from '../../../kernel/events/event-log.js';
import { createInProcessLiveBus } from '../../../kernel/events/in-process-live-bus.js';
import { loadTypeDefs } from '../../../kernel/graphql/load-type-defs.js';
import { createSubgraphSchema } from '../../../kernel/graphql/subgraph-schema.js';
import { DEFAULT_WORKSPACE } from '../../../kernel/identity/principal.js';
import { createLogger } from '../../../kernel/telemetry/logger.js';
import { createMetrics } from '../../../kernel/telemetry/metrics.js';
import { continueTrace } from '../../../kernel/telemetry/trace-context.js';
import { createEvents } from '../../../subgraphs/events/events.js';
import { openTestDatabase } from '../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../support/opened.js';

const DEVICE = `dev_${'1'.repeat(32)}`;
const OTHER = `dev_${'2'.repeat(32)}`;

describe('the graph of events', () => {
  const opened = createOpened();
  const bus = createInProcessLiveBus();
  let database: Database;
  let log: EventLog;
  let statements = 0;
  let run: (query: string, variables?: Record<string, unknown>) => Promise<ExecutionResult>;
  let follow: (query: string) => Promise<AsyncGenerator<ExecutionResult>>;

  beforeAll(async () => {
    database = opened.keep(await openTestDatabase({ onStatement: () => (statements += 1) }));
    log = createEventLog({ database, bus });
    const subgraph = opened.keep(
      createEvents(
        {
          ...{ database, log, bus },
          logger: createLogger({ level: 'silent', pretty: false }),
          metrics: createMetrics(),
          workspaces: [DEFAULT_WORKSPACE],
          identify: () => undefined,
        },
        { eventsRetentionDays: 90 },
      ),
    );
    await subgraph.start();
    const schema = createSubgraphSchema(await loadTypeDefs('schema', 'events'), subgraph.resolvers);
    const toArguments = (query: string, variableValues: Record<string, unknown> = {}) => ({
      ...{ schema, variableValues },
      document: parse(query),
      contextValue: subgraph.createContext({
        principal: { subject: 'test', workspace: DEFAULT_WORKSPACE, roles: [] },
        trace: continueTrace(undefined),
      }),
    });
    run = async (query, variables) => execute(toArguments(query, variables));
    follow = async (query) => {
      const stream = await subscribe(toArguments(query));
      if (!(Symbol.asyncIterator in stream)) throw stream.errors?.[0] ?? new Error('no stream came');
      return stream as AsyncGenerator<ExecutionResult>;
    };
    await state('aegis.device.registered', DEVICE);
    await state('aegis.alarm.raised', 'alm_1', { deviceId: DEVICE });
    await state('aegis.device.updated', DEVICE);
    await state('aegis.device.registered', OTHER);
  }, OPEN_DEADLINE_MS);
  afterAll(() => opened.close());

  function state(type: string, subject: string, data: Record<string, string> = {}): Promise<void> {
    return database
      .inWorkspace(DEFAULT_WORKSPACE)
      .transaction((transaction) => log.append(transaction, { source: '/test', type, subject, data }));
  }

  const LIST = `query ($filter: EventFilter, $orderBy: EventOrder, $first: Int, $after: String) {
    events(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
      edges { node { type subject device { id } } } pageInfo { endCursor hasNextPage }
    }
  }`;

  async function list(variables: Record<string, unknown>) {
    const { data, errors } = await run(LIST, variables);
    if (errors?.[0]) throw errors[0];
    const { edges, pageInfo } = data?.['events'] as {
      edges: { node: { type: string; subject: string; device: { id: string } | null } }[];
      pageInfo: { endCursor: string; hasNextPage: boolean };
    };
    return { nodes: edges.map(({ node }) => node), ...pageInfo };
  }

  it('lists facts, newest first, page by page', async () => {
    const first = await list({ first: 3 });
    expect(first.nodes.map(({ type }) => type)).toEqual([
      'aegis.device.registered',
      'aegis.device.updated',
      'aegis.alarm.raised',
    ]);
    expect(first.hasNextPage).toBe(true);
    const second = await list({ first: 3, after: first.endCursor });
    expect(second.nodes).toEqual([
      { type: 'aegis.device.registered', subject: DEVICE, device: { id: DEVICE } },
    ]);
  });

  it('joins a fact to the device that it is about, also by its data', async () => {
    const { nodes } = await list({ filter: { types: ['aegis.alarm.*'] } });
    expect(nodes).toEqual([{ type: 'aegis.alarm.raised', subject: 'alm_1', device: { id: DEVICE } }]);
  });

  it('filters by subject and by time', async () => {
    const about = await list({ filter: { subjects: [OTHER] }, orderBy: 'OLDEST_FIRST' });
    expect(about.nodes).toHaveLength(1);
    const before = await list({ filter: { to: '2020-01-01T00:00:00Z' } });
    expect(before.nodes).toEqual([]);
  });

  it.each([
    [{ types: ['*'] }, 'expected types such as aegis.alarm.raised'],
    [{ types: [] }, 'expected 1 to 50, got 0'],
    [{ from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' }, 'expected `from` before `to`'],
  ])('refuses the filter %j', async (filter, message) => {
    const { errors } = await run(LIST, { filter });
    expect(errors?.[0]?.message).toContain(message);
    expect(errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT');
  });

  it('gives the facts about any number of devices in one statement', async () => {
    const representations = Array.from({ length: 100 }, (_, index) => ({
      __typename: 'Device',
      id: index === 0 ? DEVICE : `dev_${String(index).padStart(32, '0')}`,
    }));
    statements = 0;
    const { data } = await run(
      `query ($representations: [_Any!]!) {
        _entities(representations: $representations) { ... on Device { facts(first: 2) { type } } }
      }`,
      { representations },
    );
    const entities = data?.['_entities'] as { facts: { type: string }[] }[];
    expect(entities[0]?.facts.map(({ type }) => type)).toEqual([
      'aegis.device.updated',
      'aegis.device.registered',
    ]);
    expect(entities[1]?.facts).toEqual([]);
    expect(statements).toBe(1);
  });

  it.each([
    ['of facts', ['aegis.between.*']],
    ['without facts', ['aegis.nothing.*', 'aegis.between.*']],
  ])('goes on behind a list %s with nothing lost in between', async (_list, types) => {
    await state('aegis.between.one', 'x');
    const { data } = await run(
      'query ($filter: EventFilter) { events(first: 1, filter: $filter) { feedCursor edges { node { id } } } }',
      { filter: { types: types.slice(0, 1) } },
    );
    const { feedCursor } = data?.['events'] as { feedCursor: string };
    await state('aegis.between.two', 'x');
    const stream = await follow(
      `subscription { eventFeed(after: "${feedCursor}", filter: { types: ["aegis.between.*"] }) { gap event { type } } }`,
    );
    const { value } = (await stream.next()) as { value: ExecutionResult };
    expect(value.data).toEqual({ eventFeed: { gap: false, event: { type: 'aegis.between.two' } } });
    await stream.return(undefined);
  });

  it('follows facts as they are stated', async () => {
    const stream = await follow(
      'subscription { eventFeed(filter: { types: ["aegis.fed.*"] }) { cursor gap event { type sequence } } }',
    );
    const next = stream.next();
    await log.ends(DEFAULT_WORKSPACE);
    await state('aegis.other', 'x');
    await state('aegis.fed.one', 'x');
    const { value } = (await next) as { value: ExecutionResult };
    expect(value.data).toMatchObject({ eventFeed: { gap: false, event: { type: 'aegis.fed.one' } } });
    await stream.return(undefined);
  });
});
