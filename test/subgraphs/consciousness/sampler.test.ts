import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../kernel/database/database.js';
import { openTestDatabase } from '../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../support/opened.js';
import { createManualClock } from './support/manual-clock.js';
import { until } from './support/until.js';
import {
  newWorkspace,
  START,
  startConsciousness,
  type Consciousness,
} from './support/start-consciousness.js';

const opened = createOpened();
let database: Database;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);

afterAll(opened.close);

async function start(
  options: Partial<Parameters<typeof startConsciousness>[0]> = {},
): Promise<Consciousness> {
  const { settings, ...rest } = options;
  const consciousness = await startConsciousness({
    ...{ database, workspace: newWorkspace(), ...rest },
    settings: { nodeCount: 3, minimumSamples: 8, windowSamples: 16, stalePeriods: 3, ...settings },
  });
  opened.keep(consciousness.subgraph);
  return consciousness;
}

/** The device `dev_1` named host with these metrics, and a sampler that has taken notice of it: it does at each sample. */
async function startWithHost(...metrics: string[]): Promise<Consciousness> {
  const consciousness = await start();
  await consciousness.register('dev_1', 'host', metrics);
  await consciousness.clock.advance(1_000);
  return consciousness;
}

/** The stored samples, oldest first. */
async function samples({ workspace }: Consciousness) {
  return database.inWorkspace(workspace).client.sample.findMany({ orderBy: { sequence: 'asc' } });
}

/** Measures both metrics of `dev_1`, half a period apart in phase when `opposed`, and moves on to the next sample. */
async function beat(consciousness: Consciousness, times: number, opposed = false): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    const t = consciousness.clock.now().getTime() / 1_000;
    await consciousness.measure('dev_1', { a: Math.sin(t), b: opposed ? -Math.sin(t) : Math.sin(t) });
    await consciousness.clock.advance(1_000);
  }
}

const STATE =
  '{ networkState { coherence nodeCount reportingCount windowMs sampledAt } nodes { metric coherence } }';

describe('sampling', () => {
  it('takes no sample while no node has a fresh signal', async () => {
    const consciousness = await start();
    await consciousness.clock.advance(1_000);
    await consciousness.register('dev_1', 'host', ['a', 'b']);
    await consciousness.clock.advance(1_000);
    expect(await samples(consciousness)).toEqual([]);
    expect((await consciousness.query(STATE)).data).toMatchObject({ networkState: null });
  });

  it('stores one sample a period at whole multiples of the period, of the nodes that have a fresh signal', async () => {
    const consciousness = await startWithHost('a', 'b');
    await consciousness.measure('dev_1', { a: 4.5, other: 1 });
    await consciousness.clock.advance(1_000);
    await consciousness.clock.advance(1_250);
    const stored = await samples(consciousness);
    expect(stored.map(({ sampledAt }) => sampledAt.toISOString())).toEqual([
      '2026-01-31T12:00:02.000Z',
      '2026-01-31T12:00:03.000Z',
    ]);
    const node = { index: 0, deviceId: 'dev_1', metric: 'a', value: 4.5, phase: null, coherence: null };
    expect(stored[0]).toMatchObject({ coherence: null, windowMs: 16_000, nodes: [node] });
  });

  it('tells coherence as soon as there are enough samples', async () => {
    const consciousness = await startWithHost('a', 'b');
    await beat(consciousness, 7);
    expect((await consciousness.query(STATE)).data).toMatchObject({ networkState: { coherence: null } });
    await beat(consciousness, 1);
    expect((await consciousness.query(STATE)).data).toEqual({
      networkState: {
        coherence: expect.closeTo(1, 9),
        ...{ nodeCount: 3, reportingCount: 2, windowMs: 16_000, sampledAt: '2026-01-31T12:00:09.000Z' },
      },
      nodes: [
        { metric: 'a', coherence: expect.closeTo(1, 9) },
        { metric: 'b', coherence: expect.closeTo(1, 9) },
        { metric: null, coherence: null },
      ],
    });
  });

  it('sees two signals fall out of step', async () => {
    const consciousness = await startWithHost('a', 'b');
    await beat(consciousness, 20, true);
    expect((await samples(consciousness)).at(-1)?.coherence).toBeLessThan(1e-9);
  });

  it('leaves a signal out once it is stale, and holds its value until then', async () => {
    const consciousness = await startWithHost('a', 'b');
    await consciousness.measure('dev_1', { a: 1, b: 2 });
    for (let second = 0; second < 5; second += 1) {
      await consciousness.measure('dev_1', { a: second });
      await consciousness.clock.advance(1_000);
    }
    const metrics = (await samples(consciousness)).map(({ nodes }) =>
      (nodes as { metric: string; value: number }[]).map(({ metric, value }) => `${metric}=${value}`),
    );
    expect(metrics).toEqual([['a=0', 'b=2'], ['a=1', 'b=2'], ['a=2', 'b=2'], ['a=3'], ['a=4']]);
  });

  it('tells no coherence of a node whose signal is not the one that was sampled', async () => {
    const consciousness = await startWithHost('a', 'b');
    await consciousness.register('dev_2', 'other', ['x']);
    await beat(consciousness, 8);
    await consciousness.query(
      'mutation { assignNode(input: {index: 0, deviceId: "dev_2", metric: "x"}) { node { id } } }',
    );
    const { data } = await consciousness.query('{ nodes { metric coherence } }');
    expect(data).toMatchObject({
      nodes: [{ metric: 'x', coherence: null }, { coherence: expect.closeTo(1, 9) }, {}],
    });
  });

  it('follows a signal wherever it is assigned, and begins a new window for a new one', async () => {
    const consciousness = await startWithHost('a', 'b');
    await beat(consciousness, 8);
    await consciousness.query(`mutation {
      clear: assignNode(input: {index: 1}) { node { id } }
      move: assignNode(input: {index: 2, deviceId: "dev_1", metric: "b"}) { node { id } }
    }`);
    await beat(consciousness, 1);
    const nodes = (await samples(consciousness)).at(-1)?.nodes;
    expect(nodes).toMatchObject([
      { index: 0, coherence: expect.closeTo(1, 9) },
      { index: 2, metric: 'b', coherence: expect.closeTo(1, 9) },
    ]);
  });

  it('skips messages that are no readings', async () => {
    const consciousness = await startWithHost('a');
    const topic = { workspace: consciousness.workspace, name: 'devices.readings' };
    await consciousness.bus.publish(topic, [null, { deviceId: 'dev_1', metric: 'a', value: NaN }, 'reading']);
    await beat(consciousness, 1);
    expect(await samples(consciousness)).toHaveLength(1);
    expect(consciousness.complaints.join()).toContain('"malformed":3');
  });
});

describe('several processes and restarts', () => {
  it('stores one sample an instant when two processes sample one workspace', async () => {
    const workspace = newWorkspace();
    const first = await start({ workspace });
    await first.register('dev_1', 'host', ['a', 'b']);
    const both = [first, await start({ workspace })];
    await Promise.all(both.map(({ clock }) => clock.advance(1_000)));
    for (const value of [1, 2, 3, 4, 5]) {
      await Promise.all(both.map((one) => one.measure('dev_1', { a: value, b: value })));
      await Promise.all(both.map(({ clock }) => clock.advance(1_000)));
    }
    const instants = (await samples(first)).map(({ sampledAt }) => sampledAt.getTime());
    expect(instants).toHaveLength(5);
    expect(new Set(instants).size).toBe(5);
  });

  it('knows the coherence at once after a restart', async () => {
    const first = await startWithHost('a', 'b');
    await beat(first, 12);
    await first.subgraph.close();
    const again = await start({ workspace: first.workspace, clock: createManualClock(first.clock.now()) });
    expect((await again.query(STATE)).data).toMatchObject({
      networkState: { coherence: expect.closeTo(1, 9) },
    });
    await again.clock.advance(1_000);
    await beat(again, 1);
    const newest = (await samples(again)).at(-1);
    expect(newest?.coherence).toBeCloseTo(1, 9);
    expect(newest?.sampledAt.toISOString()).toBe('2026-01-31T12:00:15.000Z');
  });

  it('begins new windows after a longer absence', async () => {
    const first = await startWithHost('a', 'b');
    await beat(first, 12);
    await first.subgraph.close();
    const later = new Date(first.clock.now().getTime() + 5_000);
    const again = await start({ workspace: first.workspace, clock: createManualClock(later) });
    await beat(again, 1);
    expect((await samples(again)).at(-1)?.coherence).toBeNull();
  });
});

describe('retention', () => {
  it('removes samples once they are older than the settings allow', async () => {
    const consciousness = await startWithHost('a');
    await beat(consciousness, 3);
    consciousness.clock.set(new Date(START.getTime() + 168 * 3_600_000));
    await consciousness.clock.advance(600_000);
    const old = async () =>
      (await samples(consciousness)).filter(({ nodes }) => (nodes as unknown[]).length > 0);
    await until(async () => (await old()).length === 0);
  });
});

describe('health', () => {
  it('is up while sampling goes on, and down before it begins and when it stops', async () => {
    const consciousness = await start();
    expect(await consciousness.subgraph.health()).toEqual({ state: 'UP' });
    consciousness.clock.set(new Date(START.getTime() + 9_000));
    expect(await consciousness.subgraph.health()).toEqual({ state: 'UP' });
    consciousness.clock.set(new Date(START.getTime() + 60_000));
    expect(await consciousness.subgraph.health()).toEqual({
      state: 'DOWN',
      reason: 'no sample could be taken for 60 s',
    });
  });

  it('goes on sampling after a failure', async () => {
    const consciousness = await startWithHost('a');
    await database.inWorkspace(consciousness.workspace).client
      .$executeRaw`ALTER TABLE consciousness.samples RENAME TO gone`;
    try {
      await beat(consciousness, 1);
    } finally {
      await database.inWorkspace(consciousness.workspace).client
        .$executeRaw`ALTER TABLE consciousness.gone RENAME TO samples`;
    }
    await beat(consciousness, 1);
    expect(await samples(consciousness)).toHaveLength(1);
    expect(consciousness.complaints.join()).toContain('a sample was not taken');
  });
});
