import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ExecutionResult } from 'graphql';
import type { Database } from '../../../../kernel/database/database.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { newWorkspace, startConsciousness, type Consciousness } from '../support/start-consciousness.js';
import { until } from '../support/until.js';

const opened = createOpened();
let database: Database;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);

afterAll(opened.close);

/** Fast to fill: a window of 64 samples, measured from the 64th on. */
const SETTINGS = { metricsSamples: 64, metricsMinimum: 64, windowSamples: 32 };

async function start(workspace = newWorkspace()): Promise<Consciousness> {
  const consciousness = await startConsciousness({ database, workspace, settings: SETTINGS });
  opened.keep(consciousness.subgraph);
  const onMessages = (messages: readonly unknown[]) => {
    updates.set(workspace, measured(consciousness) + messages.length);
  };
  const topic = { workspace, name: 'consciousness.measurements' };
  await consciousness.bus.listen(topic, { onMessages, onLost: () => undefined });
  return consciousness;
}

async function dataOf(consciousness: Consciousness, source: string) {
  const { data, errors } = await consciousness.query(source);
  expect(errors).toBeUndefined();
  return data as Record<string, Record<string, unknown>>;
}

/** How many updates each network has announced. */
const updates = new Map<string, number>();
const measured = ({ workspace }: Consciousness) => updates.get(workspace) ?? 0;

/** Lets the clock go on at the fast pace; each update that comes due is waited for. */
async function run(consciousness: Consciousness, ticks: number): Promise<void> {
  for (let tick = 0; tick < ticks; tick += 1) {
    const before = measured(consciousness);
    await consciousness.clock.advance(100);
    const isDue = Math.round(consciousness.clock.now().getTime() / 100) % 2 === 0;
    if (isDue) await until(() => measured(consciousness) > before);
  }
}

async function startGenerator(consciousness: Consciousness, input = '{ coupling: 4, seed: 3 }') {
  const { startGenerator } = await dataOf(
    consciousness,
    `mutation { startGenerator(input: ${input}) {
      generator { running quality coupling nodes startedAt stopsAt seed } userErrors { code message path }
    } }`,
  );
  // The next slow instant begins the fast pace.
  await consciousness.clock.advance(500);
  return startGenerator;
}

const STATE = `cursor gap state { sampledAt coherence nodeCount reportingCount simulated metrics {
  phi { bits significant surrogate95 surrogates surrogatesAt partition method search exact }
  coherence stability divergence level { value levelVersion } pairs { a b locking } missing { metric code }
  nodes { index phi coherence stability divergence level fresh validity reputation source node { id } }
  global { networkCoherence collectiveAwareness systemHealth } simulated computedInMs window { samples rateHz nodes }
} }`;

interface Events {
  next(): Promise<Record<string, unknown>>;
  close(): Promise<unknown>;
}

async function subscribe(consciousness: Consciousness, field: string): Promise<Events> {
  const events = await consciousness.subscribe(`subscription { ${field} }`);
  if (!('next' in events)) throw new Error(JSON.stringify(events));
  return {
    async next() {
      const { value } = (await events.next()) as { value: ExecutionResult };
      expect(value.errors).toBeUndefined();
      const data = JSON.parse(JSON.stringify(value.data)) as Record<string, Record<string, unknown>>;
      return Object.values(data)[0] ?? {};
    },
    close: () => events.return(undefined),
  };
}

describe('the generator', () => {
  it('feeds all nodes ten times a second, and everything says that it is simulated', async () => {
    const consciousness = await start();
    expect(await startGenerator(consciousness)).toMatchObject({
      generator: { running: true, quality: 'SIMULATED', coupling: 4, seed: 3 },
      userErrors: [],
    });
    await run(consciousness, 64);
    const { networkState } = await dataOf(
      consciousness,
      '{ networkState { simulated nodeCount reportingCount metrics { simulated coherence window { rateHz nodes } } } }',
    );
    expect(networkState).toMatchObject({
      ...{ simulated: true, nodeCount: 13, reportingCount: 13 },
      metrics: { simulated: true, window: { rateHz: 10 } },
    });
    const { node } = await dataOf(consciousness, '{ node(id: "nod_5") { source device { id } coherence } }');
    expect(node).toMatchObject({ source: 'GENERATOR', device: null, coherence: expect.any(Number) });
  });

  it('stops when it is told to, and its nodes have their own signals again', async () => {
    const consciousness = await start();
    await consciousness.register('dev_1', 'host', ['a', 'b']);
    await startGenerator(consciousness, '{ nodes: [1] }');
    await run(consciousness, 2);
    await consciousness.measure('dev_1', { a: 1, b: 2 });
    await run(consciousness, 2);
    const sample = () =>
      database
        .inWorkspace(consciousness.workspace)
        .client.sample.findFirst({ orderBy: { sequence: 'desc' } });
    expect((await sample())?.nodes).toMatchObject([
      { index: 0, deviceId: 'dev_1', metric: 'a' },
      { index: 1, deviceId: null, metric: 'generated', source: 'GENERATOR' },
    ]);
    await dataOf(consciousness, 'mutation { stopGenerator { generator { running } } }');
    await consciousness.measure('dev_1', { a: 1, b: 2 });
    for (let tick = 0; tick < 10; tick += 1) await consciousness.clock.advance(100);
    await consciousness.clock.advance(1_000);
    expect((await sample())?.nodes).toMatchObject([
      { index: 0, metric: 'a' },
      { index: 1, metric: 'b' },
    ]);
  });

  it('stops by itself when its time is up, and states all of it as facts', async () => {
    const consciousness = await start();
    await startGenerator(consciousness, '{ minutes: 1 }');
    await dataOf(consciousness, 'mutation { setGeneratorCoupling(coupling: 2) { generator { coupling } } }');
    await consciousness.clock.advance(1_000);
    await consciousness.clock.advance(60_000);
    await consciousness.clock.advance(1_000);
    const { generator } = await dataOf(consciousness, '{ generator { running coupling stopsAt } }');
    expect(generator).toEqual({ running: false, coupling: 2, stopsAt: null });
    const facts = await database.inWorkspace(consciousness.workspace).client.event.findMany({
      where: { type: { startsWith: 'aegis.network.generator.' } },
      orderBy: { sequence: 'asc' },
    });
    expect(facts.map(({ type }) => type.split('.').at(-1))).toEqual(['started', 'changed', 'stopped']);
  });

  it.each([
    ['{ coupling: -1 }', 'coupling'],
    ['{ nodes: [13] }', 'nodes'],
    ['{ frequencyHz: 0 }', 'frequencyHz'],
  ])('refuses %s', async (input, path) => {
    const consciousness = await start();
    expect(await startGenerator(consciousness, input)).toMatchObject({
      generator: null,
      userErrors: [{ code: 'BAD_USER_INPUT', path: [path] }],
    });
  });

  it('is not set while it does not run', async () => {
    const consciousness = await start();
    const { setGeneratorCoupling } = await dataOf(
      consciousness,
      'mutation { setGeneratorCoupling(coupling: 1) { generator { running } userErrors { code } } }',
    );
    expect(setGeneratorCoupling).toEqual({ generator: null, userErrors: [{ code: 'CONFLICT' }] });
  });
});

describe('the live numbers', () => {
  it('are streamed at each update, and resumed behind a cursor without a hole or a repetition', async () => {
    const consciousness = await start();
    await startGenerator(consciousness);
    await run(consciousness, 64);
    const events = await subscribe(consciousness, `networkState { ${STATE} }`);
    await run(consciousness, 2);
    const first = await events.next();
    expect(first).toMatchObject({
      gap: false,
      state: {
        ...{ simulated: true, nodeCount: 13, reportingCount: 13 },
        metrics: {
          phi: { method: 'GAUSSIAN_WHOLE_MINUS_SUM', search: 'EXHAUSTIVE', exact: true, surrogates: 19 },
          ...{ missing: [], simulated: true, window: { samples: 64, rateHz: 10 } },
          global: { systemHealth: 1, networkCoherence: expect.any(Number) },
        },
      },
    });
    const { metrics } = (first as { state: { metrics: Record<string, unknown[]> } }).state;
    expect(metrics['pairs']).toHaveLength(78);
    expect(metrics['nodes']).toHaveLength(13);
    expect(metrics['nodes']?.[12]).toMatchObject({
      ...{ index: 12, fresh: true, validity: 1, reputation: 1, source: 'GENERATOR', node: { id: 'nod_12' } },
    });
    await events.close();

    await run(consciousness, 4);
    const resumed = await subscribe(
      consciousness,
      `networkState(after: "${String(first['cursor'])}") { cursor gap state { sampledAt } }`,
    );
    await run(consciousness, 2);
    const rest = [await resumed.next(), await resumed.next(), await resumed.next()];
    const instants = [first, ...rest].map((event) =>
      Date.parse((event as { state: { sampledAt: string } }).state.sampledAt),
    );
    expect(instants.slice(1).map((at, place) => at - (instants[place] ?? NaN))).toEqual([200, 200, 200]);
    await resumed.close();
  });

  it('go on with the surrogates of the updates before, and tell of when the oldest is', async () => {
    const consciousness = await start();
    await startGenerator(consciousness);
    await run(consciousness, 64);
    const events = await subscribe(
      consciousness,
      'networkState { state { sampledAt metrics { phi { surrogatesAt } } } }',
    );
    await run(consciousness, 30);
    const ages: number[] = [];
    for (let update = 0; update < 15; update += 1) {
      const { state } = (await events.next()) as {
        state: { sampledAt: string; metrics: { phi: { surrogatesAt: string } } };
      };
      ages.push(Date.parse(state.sampledAt) - Date.parse(state.metrics.phi.surrogatesAt));
    }
    // Two anew each update: the oldest of 19 is of nine updates before, 1.8 s.
    expect(ages.at(-1)).toBe(1_800);
    await events.close();
  });

  it('are streamed for single nodes', async () => {
    const consciousness = await start();
    await startGenerator(consciousness);
    const events = await subscribe(
      consciousness,
      'nodeMetrics(nodes: [7, 2]) { measuredAt simulated nodes { index level node { index } } }',
    );
    await run(consciousness, 2);
    expect(await events.next()).toMatchObject({ simulated: true, nodes: [{ index: 2 }, { index: 7 }] });
    await events.close();
    const refused = await consciousness.subscribe('subscription { nodeMetrics(nodes: [13]) { cursor } }');
    expect((refused as ExecutionResult).errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  it('weigh the nodes by level and validity, and say when these are simulated', async () => {
    const consciousness = await start();
    const weights = async () =>
      (await dataOf(consciousness, '{ nodeWeights { index weight simulated node { id } } }'))[
        'nodeWeights'
      ] as unknown as { weight: number; simulated: boolean }[];
    const marks = async () => (await weights()).map(({ simulated }) => simulated);
    expect(await marks()).toEqual(Array.from({ length: 13 }, () => false));
    await startGenerator(consciousness);
    await run(consciousness, 64);
    const found = (await weights()).map(({ weight }) => weight);
    expect(found.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 10);
    expect(Math.max(...found)).toBeGreaterThan(Math.min(...found));
    expect(await marks()).toEqual(Array.from({ length: 13 }, () => true));
  });

  it('come with the samples of consciousnessMetrics, as the newest that were measured then', async () => {
    const consciousness = await start();
    await startGenerator(consciousness);
    await run(consciousness, 66);
    const events = await subscribe(
      consciousness,
      'consciousnessMetrics { sample { sampledAt simulated nodes { simulated } } metrics { coherence window { to } } }',
    );
    await run(consciousness, 2);
    const { sample, metrics } = (await events.next()) as {
      sample: { sampledAt: string; simulated: boolean; nodes: { simulated: boolean }[] };
      metrics: { window: { to: string } };
    };
    const lateMs = Date.parse(sample.sampledAt) - Date.parse(metrics.window.to);
    expect(lateMs).toBeGreaterThanOrEqual(0);
    expect(lateMs).toBeLessThanOrEqual(200);
    expect([sample.simulated, ...sample.nodes.map(({ simulated }) => simulated)]).toEqual(
      Array.from({ length: 14 }, () => true),
    );
    await events.close();
  });

  it('give Φ* when it is asked for', async () => {
    const consciousness = await start();
    await startGenerator(consciousness, '{ coupling: 1, nodes: [0, 1, 2, 3] }');
    await run(consciousness, 64);
    const { networkState } = await dataOf(
      consciousness,
      '{ networkState { metrics(method: MISMATCHED_DECODING) { phi { bits method exact } } } }',
    );
    expect(networkState).toMatchObject({ metrics: { phi: { method: 'MISMATCHED_DECODING', exact: true } } });
  });
});

describe('the graph of the nodes', () => {
  it("is Metatron's cube by default", async () => {
    const consciousness = await start();
    const { network } = await dataOf(
      consciousness,
      '{ network { name nodeCount edges { a b weight } layout { index x y x3 y3 z3 } } }',
    );
    expect(network).toMatchObject({ name: 'metatron-cube', nodeCount: 13 });
    expect(network?.['edges']).toHaveLength(42);
    expect(network?.['layout']).toHaveLength(13);
  });
});

describe('a pushed state', () => {
  it('becomes the signal of a node that has none, and is sampled as fast as it comes', async () => {
    const consciousness = await start();
    const push = (index: number, value: number) =>
      dataOf(
        consciousness,
        `mutation { pushNodeState(input: { index: ${index}, value: ${value} }) { node { index source } userErrors { code } } }`,
      );
    expect(await push(3, 0)).toEqual({
      pushNodeState: { node: { index: 3, source: 'STATE' }, userErrors: [] },
    });
    for (let tick = 0; tick < 30; tick += 1) {
      await push(3, Math.sin(tick));
      await consciousness.clock.advance(100).catch(() => undefined);
    }
    const newest = await database
      .inWorkspace(consciousness.workspace)
      .client.sample.findFirst({ orderBy: { sequence: 'desc' } });
    expect(newest?.nodes).toMatchObject([{ index: 3, source: 'STATE', metric: 'state', deviceId: null }]);
  });

  it('is refused by a node whose signal is a metric, and by one that is not there', async () => {
    const consciousness = await start();
    await consciousness.register('dev_1', 'host', ['a']);
    const push = async (index: number) =>
      (
        await dataOf(
          consciousness,
          `mutation { pushNodeState(input: { index: ${index}, value: 1 }) { node { index } userErrors { code path } } }`,
        )
      )['pushNodeState'];
    expect(await push(0)).toMatchObject({ node: null, userErrors: [{ code: 'CONFLICT', path: ['index'] }] });
    expect(await push(13)).toMatchObject({ node: null, userErrors: [{ code: 'NOT_FOUND' }] });
  });
});
