import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { openTestDatabase } from '../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../support/opened.js';
import { createManualClock, type ManualClock } from './support/manual-clock.js';
import {
  newWorkspace,
  START,
  startConsciousness,
  type Consciousness,
} from './support/start-consciousness.js';
import { until } from './support/until.js';

const opened = createOpened();
let database: Database;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);

afterAll(opened.close);

/** Short windows, so that few states fill them. */
const SETTINGS = {
  ...{ nodeCount: 3, minimumSamples: 8, windowSamples: 16, metricsSamples: 16, metricsMinimum: 16 },
  stalePeriods: 3,
};

async function start(workspace: WorkspaceId = newWorkspace(), clock: ManualClock = createManualClock(START)) {
  const consciousness = await startConsciousness({ database, workspace, clock, settings: SETTINGS });
  opened.keep(consciousness.subgraph);
  return consciousness;
}

const PUSH = `mutation ($index: Int!, $value: Float!, $phase: Float) {
  pushNodeState(input: { index: $index, value: $value, phase: $phase }) { node { index } userErrors { code } }
}`;

/** Pushes the states of one instant, by index, and moves on to the next sample. */
async function beat(
  consciousness: Consciousness,
  states: readonly { readonly value: number; readonly phase?: number }[],
): Promise<void> {
  for (const [index, state] of states.entries()) {
    const { data, errors } = await consciousness.query(PUSH, { index, ...state });
    expect([errors, data?.['pushNodeState']]).toEqual([undefined, { node: { index }, userErrors: [] }]);
  }
  await consciousness.clock.advance(1_000);
}

async function beats(
  consciousness: Consciousness,
  times: number,
  stateAt: (t: number) => Parameters<typeof beat>[1],
): Promise<void> {
  for (let t = 0; t < times; t += 1) await beat(consciousness, stateAt(t));
}

const NUMBERS = `{ networkState { coherence reportingCount metrics {
  coherence stability pairs { a b locking } missing { metric } nodes { index phaseSource coherence }
} } }`;

async function numbersOf(consciousness: Consciousness) {
  const { data, errors } = await consciousness.query(NUMBERS);
  expect(errors).toBeUndefined();
  return data?.['networkState'] as Record<string, unknown>;
}

async function newestSample({ workspace }: Consciousness) {
  const { client } = database.inWorkspace(workspace);
  return (await client.sample.findFirst({ orderBy: { sequence: 'desc' } }))?.nodes;
}

const opposed = (t: number) => [
  { value: 1, phase: 0.7 * t },
  { value: 1, phase: 0.7 * t + Math.PI },
];

describe('states that are pushed with their phases', () => {
  it('make coherence, stability and phase locking as they are, even of values that stand still', async () => {
    const consciousness = await start();
    await beats(consciousness, 17, opposed);
    expect(await numbersOf(consciousness)).toMatchObject({
      ...{ coherence: expect.closeTo(0, 10), reportingCount: 2 },
      metrics: {
        ...{ coherence: expect.closeTo(0, 10), stability: expect.closeTo(1, 6) },
        pairs: [{ a: 0, b: 1, locking: expect.closeTo(1, 10) }],
        missing: [{ metric: 'PHI' }, { metric: 'DIVERGENCE' }, { metric: 'LEVEL' }],
        nodes: [{ phaseSource: 'GIVEN' }, { phaseSource: 'GIVEN' }, { index: 2, phaseSource: null }],
      },
    });
  });

  it('tell in each sample what was given, above −π to π, and what was made of it', async () => {
    const consciousness = await start();
    const events = await consciousness.subscribe(
      'subscription { consciousnessMetrics { sample { nodes { index givenPhase phase phaseSource } } } }',
    );
    if (!('next' in events)) throw new Error(JSON.stringify(events));
    await beats(consciousness, 8, () => [{ value: 1, phase: 7 }, { value: 2 }]);
    const seen: unknown[] = [];
    for (let sample = 0; sample < 8; sample += 1) seen.push((await events.next()).value.data);
    await events.return(undefined);
    const given = expect.closeTo(7 - 2 * Math.PI, 10);
    const nodesOf = (first: object) => ({
      consciousnessMetrics: {
        sample: { nodes: [first, { givenPhase: null, phase: null, phaseSource: null }] },
      },
    });
    expect(seen[0]).toMatchObject(nodesOf({ givenPhase: given, phase: null, phaseSource: null }));
    expect(seen[7]).toMatchObject(nodesOf({ givenPhase: given, phase: given, phaseSource: 'GIVEN' }));
  });

  it('give way to the analytic signal while one state of the window came without, and come back then', async () => {
    const consciousness = await start();
    const waves = (t: number) =>
      [0, 1].map((lag) => ({ value: Math.cos(0.7 * t + lag), phase: 0.7 * t + lag * Math.PI }));
    await beats(consciousness, 16, waves);
    await beat(
      consciousness,
      waves(16).map(({ value }) => ({ value })),
    );
    const sources = async () => {
      const { metrics } = (await numbersOf(consciousness)) as {
        metrics: { nodes: { phaseSource: string }[] };
      };
      return metrics.nodes.slice(0, 2).map(({ phaseSource }) => phaseSource);
    };
    expect(await sources()).toEqual(['ANALYTIC', 'ANALYTIC']);
    await beats(consciousness, 15, (t) => waves(17 + t));
    expect(await sources()).toEqual(['ANALYTIC', 'ANALYTIC']);
    await beat(consciousness, waves(32));
    expect(await sources()).toEqual(['GIVEN', 'GIVEN']);
  });

  it('are still known after a restart', async () => {
    const first = await start();
    await beats(first, 17, opposed);
    await first.subgraph.close();
    const second = await start(first.workspace, first.clock);
    await beat(second, opposed(17));
    expect(await newestSample(second)).toMatchObject([{ phaseGiven: true }, { phaseGiven: true }]);
    expect(await numbersOf(second)).toMatchObject({ metrics: { coherence: expect.closeTo(0, 10) } });
  });

  it('are told in the stored updates as in those that are measured when they are asked for', async () => {
    const consciousness = await start();
    const events = await consciousness.subscribe(
      'subscription { networkState { state { metrics { coherence pairs { a b locking } nodes { phaseSource } } } } }',
    );
    if (!('next' in events)) throw new Error(JSON.stringify(events));
    await beats(consciousness, 16, opposed);
    let data: unknown;
    await until(async () => {
      data = (await events.next()).value.data;
      return JSON.stringify(data).includes('GIVEN');
    });
    await events.return(undefined);
    expect(data).toMatchObject({
      networkState: {
        state: {
          metrics: {
            ...{ coherence: expect.closeTo(0, 10), pairs: [{ a: 0, b: 1, locking: 1 }] },
            nodes: [{ phaseSource: 'GIVEN' }, { phaseSource: 'GIVEN' }, { phaseSource: null }],
          },
        },
      },
    });
    const { client } = database.inWorkspace(consciousness.workspace);
    const row = await client.measurement.findFirst({ orderBy: { sequence: 'desc' } });
    expect(row?.detail).toMatchObject({ given: [0, 1], lockings: [1] });
  });
});

describe('the generator', () => {
  it('gives the phases of its oscillators, and stays marked as simulated', async () => {
    const consciousness = await start();
    await consciousness.query(
      'mutation { startGenerator(input: { coupling: 4, seed: 3 }) { userErrors { code } } }',
    );
    await consciousness.clock.advance(500);
    for (let tick = 0; tick < 20; tick += 1) await consciousness.clock.advance(100);
    expect(await numbersOf(consciousness)).toMatchObject({
      metrics: { nodes: [0, 1, 2].map((index) => ({ index, phaseSource: 'GIVEN' })) },
    });
    const node = { phaseGiven: true, simulated: true, source: 'GENERATOR' };
    expect(await newestSample(consciousness)).toMatchObject([node, node, node]);
    const [first] = (await newestSample(consciousness)) as { value: number; givenPhase: number }[];
    expect(first?.value).toBeCloseTo(Math.cos(first?.givenPhase ?? NaN), 12);
  });
});
