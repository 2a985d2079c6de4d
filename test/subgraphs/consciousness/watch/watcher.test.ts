import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { createEventLog } from '../../../../kernel/events/event-log.js';
import { createInProcessLiveBus } from '../../../../kernel/events/in-process-live-bus.js';
import type { Measurement } from '../../../../subgraphs/consciousness/live/measurement.js';
import { createFourierTransform } from '../../../../subgraphs/consciousness/coherence/fourier-transform.js';
import { findPhasors } from '../../../../subgraphs/consciousness/coherence/phasors.js';
import { describeMetrics } from '../../../../subgraphs/consciousness/metrics/describe-metrics.js';
import { measurePhaseSynchrony } from '../../../../subgraphs/consciousness/metrics/phase-synchrony.js';
import { standardise } from '../../../../subgraphs/consciousness/metrics/standardise.js';
import { missAll } from '../../../../subgraphs/consciousness/metrics/window-metrics.js';
import { createIndependentUpdates } from '../../../../subgraphs/consciousness/storage/independent-updates.js';
import { createMeasurementStorage } from '../../../../subgraphs/consciousness/storage/measurement-storage.js';
import { createThresholds } from '../../../../subgraphs/consciousness/watch/thresholds.js';
import { createWatcher } from '../../../../subgraphs/consciousness/watch/watcher.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { newWorkspace, startConsciousness } from '../support/start-consciousness.js';
import { createRandom, noise } from '../support/waves.js';

const opened = createOpened();
let database: Database;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);

afterAll(opened.close);

const NOON = Date.parse('2026-01-31T12:00:00Z');

/** An update so many seconds after noon, whose coherence is given, of measured signals unless it is said otherwise. */
function update(second: number, coherence: number, simulated = false): Measurement {
  const at = new Date(NOON + 1_000 * second);
  const history = { length: 64, nodes: [0, 1], signals: [], phases: [] };
  const metrics = describeMetrics(
    { ...missAll('TOO_FEW_SAMPLES', 'wait'), coherence, computedInMs: 1 },
    {
      ...{ history, at, periodMs: 100, surrogatesAt: at, nodeCount: 2 },
      ...{ sources: new Map(), simulated, standings: new Map() },
    },
  );
  const state = { coherence, nodeCount: 2, reportingCount: 0, windowMs: 6_400 };
  return { sequence: BigInt(second), measuredAt: at, metrics, state };
}

function open() {
  const workspace = newWorkspace();
  const log = createEventLog({ database, bus: createInProcessLiveBus() });
  const shared = { database, log, workspace };
  const thresholds = createThresholds({
    ...{ ...shared, now: () => new Date() },
    onChange: () => {
      watcher.refresh();
    },
  });
  const watcher = createWatcher({
    ...{ ...shared, thresholds, independentUpdates: createIndependentUpdates(database, workspace) },
  });
  const facts = async (prefix: string) =>
    (
      await database.inWorkspace(workspace).client.event.findMany({
        where: { type: { startsWith: prefix } },
        orderBy: { sequence: 'asc' },
      })
    ).map(({ type, subject, data }) => ({ type, subject, data }));
  const storage = createMeasurementStorage(database, workspace);
  return { workspace, thresholds, watcher, facts, storage };
}

describe('a limit of a number', () => {
  it('states a fact when it is crossed and one when the number has come back, and none between; each says whether it was simulated', async () => {
    const { thresholds, watcher, facts } = open();
    const { threshold } = await thresholds.set({
      ...{ metric: 'COHERENCE', direction: 'BELOW', value: 0.3, hysteresis: 0.1 },
    });
    for (const [second, coherence] of [0.5, 0.29, 0.35, 0.2, 0.39, 0.41, 0.5].entries()) {
      await watcher.observe(update(second, coherence, second >= 3));
    }
    const of = { metric: 'COHERENCE', direction: 'BELOW', limit: 0.3, hysteresis: 0.1 };
    expect(await facts('aegis.network.threshold.c')).toEqual([
      {
        type: 'aegis.network.threshold.crossed',
        subject: threshold?.id,
        data: { ...of, value: 0.29, simulated: false },
      },
      {
        type: 'aegis.network.threshold.cleared',
        subject: threshold?.id,
        data: { ...of, value: 0.41, simulated: true },
      },
    ]);
  });

  it('is told of once by two processes', async () => {
    const { thresholds } = open();
    const { threshold } = await thresholds.set({ metric: 'LEVEL', direction: 'ABOVE', value: 0.5 });
    if (!threshold) throw new Error('expected a limit');
    const turned = [
      await thresholds.turn(threshold, { crossed: true, value: 0.6, simulated: false }),
      await thresholds.turn(threshold, { crossed: true, value: 0.6, simulated: false }),
    ];
    expect(turned).toEqual([true, false]);
  });

  it('is set, changed, listed and removed through the graph', async () => {
    const consciousness = await startConsciousness({ database, workspace: newWorkspace() });
    opened.keep(consciousness.subgraph);
    const ask = async (source: string) => (await consciousness.query(source)).data as Record<string, unknown>;
    const set = async (input: string) =>
      (
        await ask(
          `mutation { setNetworkThreshold(input: ${input}) { threshold { id value hysteresis crossed } userErrors { code path } } }`,
        )
      )['setNetworkThreshold'] as { threshold: { id: string } | null };
    const { threshold } = await set('{ metric: PHI, direction: ABOVE, value: 1 }');
    const id = threshold?.id ?? '';
    expect(threshold).toMatchObject({ value: 1, hysteresis: 0.05, crossed: false });
    expect(
      await set(`{ id: "${id}", metric: PHI, direction: ABOVE, value: 2, hysteresis: 0.2 }`),
    ).toMatchObject({
      threshold: { id, value: 2, hysteresis: 0.2 },
    });
    expect(await ask('{ networkThresholds { id metric direction value } }')).toEqual({
      networkThresholds: [{ id, metric: 'PHI', direction: 'ABOVE', value: 2 }],
    });
    expect(await set('{ metric: PHI, direction: ABOVE, value: 1, hysteresis: -1 }')).toMatchObject({
      ...{ threshold: null, userErrors: [{ code: 'BAD_USER_INPUT', path: ['hysteresis'] }] },
    });
    expect(await set('{ metric: COHERENCE, direction: ABOVE, value: 7, hysteresis: 99 }')).toMatchObject({
      ...{ threshold: null, userErrors: [{ code: 'BAD_USER_INPUT', path: ['value'] }] },
    });
    expect(await set('{ metric: SYSTEM_HEALTH, direction: BELOW, value: 1 }')).toMatchObject({
      ...{ threshold: { value: 1, hysteresis: 0 }, userErrors: [] },
    });
    const remove = `mutation { removeNetworkThreshold(id: "${id}") { threshold { id } userErrors { code } } }`;
    expect(await ask(remove)).toEqual({ removeNetworkThreshold: { threshold: { id }, userErrors: [] } });
    expect(await ask(remove)).toEqual({
      removeNetworkThreshold: { threshold: null, userErrors: [{ code: 'NOT_FOUND' }] },
    });
  });
});

describe('an anomaly', () => {
  it.each([true, false])('says whether it is one of simulated signals: %s', async (simulated) => {
    const { watcher, facts } = open();
    const random = createRandom(1);
    for (let second = 0; second < 280; second += 1) {
      const level = second < 210 ? 0.5 : 0.75;
      await watcher.observe(update(second, level + 0.02 * (random() - 0.5), simulated));
    }
    const marks = (await facts('aegis.network.anomaly.detected')).map(({ data }) => data);
    expect(marks.length).toBeGreaterThanOrEqual(1);
    expect(marks.every((data) => (data as { simulated?: boolean }).simulated === simulated)).toBe(true);
  });

  it('is a fact: a shift of level among values of windows that do not overlap', async () => {
    const { watcher, facts } = open();
    const random = createRandom(1);
    // A window of 64 samples at 10 Hz is 6.4 s: seven updates, of which one is looked at.
    for (let second = 0; second < 280; second += 1) {
      const level = second < 210 ? 0.5 : 0.75;
      await watcher.observe(update(second, level + 0.02 * (random() - 0.5)));
    }
    const found = await facts('aegis.network.anomaly.detected');
    expect(found.length).toBeGreaterThanOrEqual(1);
    expect(found.filter(({ data }) => (data as { kind: string }).kind === 'CHANGE_POINT')).toHaveLength(1);
    expect(found.at(-1)).toMatchObject({ subject: 'COHERENCE', data: { direction: 'UP' } });
  });

  const about = (level: number, random: () => number) => level + 0.02 * (random() - 0.5);

  it('is seen at once after a start, by what is stored of the same signals', async () => {
    const { watcher, facts, storage } = open();
    const random = createRandom(2);
    for (let second = 0; second < 150; second += 1) await storage.insert(update(second, about(0.5, random)));
    await watcher.observe(update(160, 0.9));
    expect(await facts('aegis.network.anomaly.detected')).toMatchObject([
      { subject: 'COHERENCE', data: { kind: 'OUTLIER', direction: 'UP', value: 0.9 } },
    ]);
  });

  it('is not seen after a start by what is stored of other signals', async () => {
    const { watcher, facts, storage } = open();
    for (let second = 0; second < 150; second += 1) await storage.insert(update(second, 0.5, true));
    await watcher.observe(update(160, 0.9));
    expect(await facts('aegis.network.anomaly.detected')).toEqual([]);
  });

  it('is seen although other signals counted now and then: what was learnt of these holds', async () => {
    const { watcher, facts } = open();
    const random = createRandom(3);
    for (let second = 0; second < 150; second += 1) {
      const isOther = second % 20 === 19;
      await watcher.observe(update(second, isOther ? 0.1 : about(0.5, random), isOther));
    }
    await watcher.observe(update(160, 0.9));
    expect(await facts('aegis.network.anomaly.detected')).toMatchObject([{ data: { value: 0.9 } }]);
  });

  it('is not seen in windows of white noise that overlap, as updates are', async () => {
    const { watcher, facts } = open();
    const random = createRandom(5);
    const signals = Array.from({ length: 6 }, () => noise(64 + 10 * 3_000, random));
    const fourier = createFourierTransform(64);
    // Windows of 6.4 s, one each second: R of each, of which five sixths of the data are those of the one before.
    for (let second = 0; second < 3_000; second += 1) {
      const phases = signals.map((signal) => {
        const window = standardise(signal.slice(10 * second, 10 * second + 64));
        return window && findPhasors(window, fourier);
      });
      const { orders } = measurePhaseSynchrony(
        phases.flatMap((phase) => phase ?? []),
        { from: 8, to: 56 },
      );
      await watcher.observe(update(second, orders.reduce((sum, order) => sum + order, 0) / orders.length));
    }
    expect(await facts('aegis.network.anomaly.detected')).toEqual([]);
  }, 60_000);
});
