import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ExecutionResult } from 'graphql';
import { createLogger } from '../../../kernel/telemetry/logger.js';
import { createMetrics } from '../../../kernel/telemetry/metrics.js';
import type { Database } from '../../../kernel/database/database.js';
import { createEventLog } from '../../../kernel/events/event-log.js';
import { createInProcessLiveBus } from '../../../kernel/events/in-process-live-bus.js';
import { readSettings } from '../../../kernel/config/settings.js';
import { subgraph as door } from '../../../subgraphs/consciousness/subgraph.js';
import { openTestDatabase } from '../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../support/opened.js';
import { newWorkspace, startConsciousness, type Consciousness } from './support/start-consciousness.js';
import { until } from './support/until.js';

const statements: string[] = [];
const opened = createOpened();
let database: Database;
let consciousness: Consciousness;

beforeAll(async () => {
  const onStatement = (sql: string) => statements.push(sql);
  database = opened.keep(await openTestDatabase({ onStatement }));
  consciousness = await startConsciousness({ database, workspace: newWorkspace() });
  opened.keep(consciousness.subgraph);
  await consciousness.register('dev_1', 'host', ['a', 'b', 'c']);
  await consciousness.clock.advance(1_000);
  await beat(1);
}, OPEN_DEADLINE_MS);

afterAll(opened.close);

async function beat(value: number): Promise<void> {
  await consciousness.measure('dev_1', { a: value, b: -value });
  await consciousness.clock.advance(1_000);
}

async function dataOf(source: string, variables: Readonly<Record<string, unknown>> = {}) {
  const { data, errors } = await consciousness.query(source, variables);
  expect(errors).toBeUndefined();
  return data as Record<string, unknown>;
}

const ENTITIES = `query ($representations: [_Any!]!) {
  _entities(representations: $representations) {
    ... on Device { id nodes { id index metric coherence device { id } } }
    ... on Node { id index metric coherence device { id } }
  }
}`;

async function countStatements(action: () => Promise<unknown>): Promise<number> {
  const before = statements.length;
  await action();
  return statements.length - before;
}

describe('nodes', () => {
  it('are found by their ids', async () => {
    const data = await dataOf('{ one: node(id: "nod_1") { id index metric device { __typename id } } }');
    expect(data).toEqual({
      one: { id: 'nod_1', index: 1, metric: 'b', device: { __typename: 'Device', id: 'dev_1' } },
    });
  });

  it('are null for an id that no node has', async () => {
    const ids = ['nod_13', 'nod_01', 'nod_-1', 'nod_99999999999', 'dev_1', ''];
    const fields = ids.map((id, place) => `n${place}: node(id: ${JSON.stringify(id)}) { id }`);
    expect(Object.values(await dataOf(`{ ${fields.join(' ')} }`))).toEqual(ids.map(() => null));
  });

  it('are listed by index', async () => {
    const { nodes } = await dataOf('{ nodes { index } }');
    expect(nodes).toEqual(Array.from({ length: 13 }, (_, index) => ({ index })));
  });
});

describe('entities', () => {
  it('join devices to their nodes, and nodes to their devices', async () => {
    const representations = [
      { __typename: 'Device', id: 'dev_1' },
      { __typename: 'Device', id: 'dev_unknown' },
      { __typename: 'Node', id: 'nod_1' },
      { __typename: 'Node', id: 'nod_64' },
    ];
    const { _entities: entities } = await dataOf(ENTITIES, { representations });
    expect(entities).toMatchObject([
      {
        id: 'dev_1',
        nodes: [{ id: 'nod_0', metric: 'a' }, { id: 'nod_1' }, { id: 'nod_2', device: { id: 'dev_1' } }],
      },
      { id: 'dev_unknown', nodes: [] },
      { id: 'nod_1', index: 1, metric: 'b', device: { id: 'dev_1' } },
      null,
    ]);
  });

  it.each([
    ['Device', (place: number) => `dev_${place + 1}`],
    ['Node', (place: number) => `nod_${place % 13}`],
  ])('resolve 100 representations of %s with as many statements as one', async (__typename, idOf) => {
    const ask = (count: number) => {
      const representations = Array.from({ length: count }, (_, place) => ({ __typename, id: idOf(place) }));
      return countStatements(() => dataOf(ENTITIES, { representations }));
    };
    // The nodes, and the newest sample for their coherence.
    expect(await ask(1)).toBe(2);
    expect(await ask(100)).toBe(2);
  });
});

describe('consciousnessMetrics', () => {
  const FIELDS = `cursor gap sample {
    sampledAt coherence windowMs nodes { index metric value phase coherence device { id } node { id index } }
  }`;

  it('yields an event for each sample, and resumes behind a cursor', async () => {
    const events = await subscribe(`subscription { consciousnessMetrics { ${FIELDS} } }`);
    await beat(2);
    const first = await next(events);
    expect(first).toMatchObject({
      gap: false,
      sample: {
        coherence: null,
        windowMs: 64_000,
        nodes: [
          {
            index: 0,
            metric: 'a',
            value: 2,
            phase: null,
            coherence: null,
            device: { id: 'dev_1' },
            node: { id: 'nod_0' },
          },
          { index: 1, metric: 'b', value: -2, node: { id: 'nod_1', index: 1 } },
        ],
      },
    });
    await events.return(undefined);
    await beat(3);
    const resumed = await subscribe(
      `subscription { consciousnessMetrics(after: "${first.cursor}") { ${FIELDS} } }`,
    );
    await beat(4);
    const values = [await next(resumed), await next(resumed)].map(({ sample }) => sample.nodes[0]?.value);
    expect(values).toEqual([3, 4]);
    await resumed.return(undefined);
  });

  it('needs one statement an event for the nodes and one for the devices, and none when they are not asked for', async () => {
    for (const [fields, expected] of [
      ['cursor sample { nodes { index value } }', 0],
      ['cursor sample { nodes { index device { id } } }', 1],
      [FIELDS, 2],
    ] as const) {
      const events = await subscribe(`subscription { consciousnessMetrics { ${fields} } }`);
      await beat(5);
      await next(events);
      await beat(6);
      expect(await countStatements(() => next(events))).toBeLessThanOrEqual(expected);
      await events.return(undefined);
    }
  });

  it('has no device for a sample of one that has since been removed', async () => {
    const running = await startConsciousness({ database, workspace: newWorkspace() });
    await running.register('dev_gone', 'host', ['a']);
    await running.clock.advance(1_000);
    await running.measure('dev_gone', { a: 1 });
    await running.clock.advance(1_000);
    await running.state({ type: 'aegis.device.removed', data: { id: 'dev_gone' } });
    const events = await running.subscribe(`subscription { consciousnessMetrics(after: "${cursorBefore()}") {
      sample { nodes { index value device { id } node { index device { id } } } }
    } }`);
    if (!('next' in events)) throw new Error(JSON.stringify(events));
    expect((await next(events)).sample).toEqual({
      nodes: [{ index: 0, value: 1, device: null, node: { index: 0, device: null } }],
    });
    await events.return(undefined);
    await running.subgraph.close();
  });

  it('ends at once when the subscriber leaves while it waits', async () => {
    const events = await subscribe('subscription { consciousnessMetrics { cursor } }');
    const waiting = events.next();
    await events.return(undefined);
    expect((await waiting).done).toBe(true);
  });

  it('answers a wrong cursor with a coded error', async () => {
    const result = await consciousness.subscribe(
      'subscription { consciousnessMetrics(after: "nonsense") { cursor } }',
    );
    expect((result as ExecutionResult).errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT' });
  });
});

describe('the door', () => {
  it('makes a subgraph that samples on the clock of the machine, and stops', async () => {
    const [workspace, bus, logger] = [
      newWorkspace(),
      createInProcessLiveBus(),
      createLogger({ level: 'silent', pretty: false }),
    ];
    const log = createEventLog({ database, bus });
    const metrics = createMetrics();
    const env = { AEGIS_SAMPLE_PERIOD_MS: '20', AEGIS_NODE_DEVICE: 'probe' };
    const deps = { database, log, bus, logger, metrics, workspaces: [workspace], identify: () => undefined };
    const running = door.create(deps, readSettings(door.settings, { flags: {}, env }));
    expect(await running.health()).toMatchObject({ state: 'DOWN' });
    await running.start();
    const rows = database.inWorkspace(workspace);
    const data = { id: 'dev_1', name: 'probe', metrics: [{ name: 'a', unit: '1' }] };
    const event = { source: '/devices', type: 'aegis.device.registered', data };
    await rows.transaction((transaction) => log.append(transaction, event));
    await until(async () => {
      const now = Date.now();
      const reading = {
        deviceId: 'dev_1',
        metric: 'a',
        value: 1,
        unit: '1',
        measuredAtMs: now,
        receivedAtMs: now,
      };
      await bus.publish({ workspace, name: 'devices.readings' }, [{ ...reading, sequence: '1' }]);
      return (await rows.client.sample.count()) >= 2;
    });
    expect(await running.health()).toEqual({ state: 'UP' });
    expect(await metrics.metrics()).toMatch(/aegis_consciousness_samples_total [1-9]/);
    await running.close();
  });
});

interface Event {
  readonly cursor: string;
  readonly gap: boolean;
  readonly sample: { readonly nodes: readonly { readonly value: number }[] };
}

async function subscribe(source: string): Promise<AsyncGenerator<ExecutionResult>> {
  const events = await consciousness.subscribe(source);
  if (!('next' in events)) throw new Error(JSON.stringify(events));
  return events;
}

async function next(events: AsyncGenerator<ExecutionResult>): Promise<Event> {
  const { value } = (await events.next()) as { value: ExecutionResult };
  expect(value.errors).toBeUndefined();
  return (value.data as { consciousnessMetrics: Event }).consciousnessMetrics;
}

/** The cursor of before the first sample. */
function cursorBefore(): string {
  return Buffer.from('smp:0').toString('base64url');
}
