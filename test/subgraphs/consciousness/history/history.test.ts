import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createEventLog } from '../../../../kernel/events/event-log.js';
import { createInProcessLiveBus } from '../../../../kernel/events/in-process-live-bus.js';
import type { Database } from '../../../../kernel/database/database.js';
import { readHistory } from '../../../../subgraphs/consciousness/history/metric-history.js';
import { readSurroundings } from '../../../../subgraphs/consciousness/history/metrics-around.js';
import type { NewMeasurement } from '../../../../subgraphs/consciousness/live/measurement.js';
import { describeMetrics } from '../../../../subgraphs/consciousness/metrics/describe-metrics.js';
import { measureWindow, missAll } from '../../../../subgraphs/consciousness/metrics/window-metrics.js';
import { createIndependentUpdates } from '../../../../subgraphs/consciousness/storage/independent-updates.js';
import { createMeasurementStorage } from '../../../../subgraphs/consciousness/storage/measurement-storage.js';
import { createRollups } from '../../../../subgraphs/consciousness/storage/rollups.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { chain, simulate } from '../support/autoregression.js';
import { newWorkspace, startConsciousness } from '../support/start-consciousness.js';
import { createRandom } from '../support/waves.js';

const opened = createOpened();
let database: Database;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);

afterAll(opened.close);

const NOON = Date.parse('2026-01-31T12:00:00Z');

/** An update whose coherence is given; everything else is unknown. Of measured signals, unless it is said otherwise. */
function update(at: Date, coherence: number | null, simulated = false): NewMeasurement {
  const measured = { ...missAll('TOO_FEW_SAMPLES', 'wait'), coherence, computedInMs: 1 };
  const history = { length: 64, nodes: [0, 1], signals: [], phases: [] };
  const origin = { history, at, periodMs: 1_000, surrogatesAt: at, nodeCount: 2 };
  const metrics = describeMetrics(measured, {
    ...origin,
    sources: new Map(),
    simulated,
    standings: new Map(),
  });
  return {
    ...{ measuredAt: at, metrics },
    state: { coherence, nodeCount: 2, reportingCount: 0, windowMs: 64_000 },
  };
}

function open() {
  const workspace = newWorkspace();
  const storage = createMeasurementStorage(database, workspace);
  const rollups = createRollups(database, workspace);
  return { workspace, storage, rollups, independentUpdates: createIndependentUpdates(database, workspace) };
}

/** Updates every ten seconds whose coherence is a function of the minute that has passed. */
async function fill(
  { storage }: Pick<ReturnType<typeof open>, 'storage'>,
  { minutes, coherence }: { minutes: number; coherence: (minute: number, step: number) => number },
): Promise<void> {
  for (let minute = 0; minute < minutes; minute += 1) {
    for (let step = 0; step < 6; step += 1) {
      const at = new Date(NOON + minute * 60_000 + step * 10_000);
      await storage.insert(update(at, coherence(minute, step)));
    }
  }
}

const span = (fromMinute: number, toMinute: number) => ({
  from: new Date(NOON + fromMinute * 60_000),
  to: new Date(NOON + toMinute * 60_000),
});

describe('a stored update', () => {
  it('is read back as it was measured, to four digits', async () => {
    const { storage } = open();
    const signals = simulate(chain(4, 0.8, true), 128, createRandom(1));
    const at = new Date(NOON);
    const measured = { ...measureWindow(signals, { lag: 1, surrogates: 19, seed: 1 }), computedInMs: 12.5 };
    const metrics = describeMetrics(measured, {
      history: { length: 128, nodes: [2, 3, 5, 7], signals, phases: [] },
      ...{ at, periodMs: 100, surrogatesAt: new Date(NOON - 900), nodeCount: 13 },
      simulated: false,
      sources: new Map([2, 3, 5, 7].map((index) => [index, 'STATE' as const])),
      standings: new Map([[3, { reputation: 0.5, valid: true, level: 0.2, ageMs: 10 }]]),
    });
    const state = { coherence: 0.5, nodeCount: 13, reportingCount: 4, windowMs: 6_400 };
    await storage.insert({ measuredAt: at, metrics, state });
    const read = await storage.findNewest();
    expect(read).toMatchObject({ measuredAt: at, state });
    expect(read?.metrics).toMatchObject({
      ...{ phi: metrics.phi, level: metrics.level, window: metrics.window, missing: [] },
      ...{ coherence: metrics.coherence, simulated: false, computedInMs: 12.5 },
    });
    expect(read?.metrics.pairs).toEqual(
      metrics.pairs.map(({ a, b, locking }) => ({ a, b, locking: expect.closeTo(locking ?? NaN, 3) })),
    );
    expect(read?.metrics.nodes.map(({ validity }) => validity)).toEqual([
      ...[0, 0, 1, 0.5, 0, 1, 0, 1, 0, 0, 0, 0, 0],
    ]);
    expect(await storage.insert({ measuredAt: at, metrics, state })).toBeUndefined();
  });

  it('is found for the samples that come shortly after it', async () => {
    const { storage } = open();
    for (const second of [0, 20]) await storage.insert(update(new Date(NOON + 1_000 * second), second / 100));
    const instants = [-1, 0, 9, 11, 25].map((second) => new Date(NOON + 1_000 * second));
    const found = await storage.findAt(instants);
    expect(found.map((one) => one?.metrics.coherence)).toEqual([undefined, 0, 0, undefined, 0.2]);
  });
});

describe('the history', () => {
  it('by the minute has count, least, greatest and mean, the same before and after it is rolled up', async () => {
    const network = open();
    await fill(network, { minutes: 3, coherence: (minute, step) => minute / 10 + step / 100 });
    const ask = () => readHistory(network.rollups, { ...span(0, 3), step: 'MINUTE' });
    const before = await ask();
    expect(before.points).toHaveLength(3);
    expect(before.points[1]).toMatchObject({
      ...{ at: new Date(NOON + 60_000), count: 6, phi: null },
      coherence: {
        count: 6,
        minimum: 0.1,
        maximum: expect.closeTo(0.15, 10),
        mean: expect.closeTo(0.125, 10),
      },
    });
    await network.rollups.roll(new Date(NOON + 2 * 60_000 + 30_000));
    expect(await ask()).toEqual(before);
    // Rolled up are the two that were over; updates may go.
    await network.storage.prune(new Date(NOON + 2 * 60_000), 1_000);
    expect(await ask()).toEqual(before);
  });

  it('by the hour is that of its minutes', async () => {
    const network = open();
    await fill(network, { minutes: 70, coherence: (minute) => (minute < 60 ? 0.2 : 0.8) });
    await network.rollups.roll(new Date(NOON + 66 * 60_000));
    const { points } = await readHistory(network.rollups, { ...span(0, 70), step: 'HOUR' });
    expect(points.map(({ at, count, coherence }) => [at.getTime() - NOON, count, coherence?.mean])).toEqual([
      [0, 360, expect.closeTo(0.2, 10)],
      [3_600_000, 60, expect.closeTo(0.8, 10)],
    ]);
  });

  it('takes the finest step that fits when none is asked for', async () => {
    const { rollups } = open();
    const stepOf = async (minutes: number) => (await readHistory(rollups, span(0, minutes))).step;
    expect(await stepOf(5)).toBe('UPDATE');
    expect(await stepOf(6)).toBe('MINUTE');
    expect(await stepOf(60 * 24)).toBe('MINUTE');
    expect(await stepOf(60 * 26)).toBe('HOUR');
  });

  it('is by the minute where updates have been removed, however short the stretch', async () => {
    const network = open();
    await fill(network, { minutes: 5, coherence: (minute) => minute / 10 });
    await network.rollups.roll(new Date(NOON + 5 * 60_000));
    await network.storage.prune(new Date(NOON + 3 * 60_000), 1_000);
    const { step, points } = await readHistory(network.rollups, span(0, 5));
    expect([step, points.length]).toEqual(['MINUTE', 5]);
    expect((await readHistory(network.rollups, span(3, 5))).step).toBe('UPDATE');
    await network.storage.prune(new Date(NOON + 5 * 60_000), 1_000);
    expect((await readHistory(network.rollups, span(3, 5))).points).toHaveLength(2);
  });

  it('says of every point whether anything in it was simulated, before and after it is rolled up', async () => {
    const network = open();
    for (const second of [0, 10, 60, 70, 120, 3_600]) {
      await network.storage.insert(update(new Date(NOON + 1_000 * second), 0.5, second === 70));
    }
    const marksOf = async (step: 'UPDATE' | 'MINUTE' | 'HOUR') =>
      (await readHistory(network.rollups, { ...span(0, 120), step })).points.map(
        ({ simulated }) => simulated,
      );
    expect(await marksOf('UPDATE')).toEqual([false, false, false, true, false, false]);
    const minutes = [false, true, false, false];
    expect([await marksOf('MINUTE'), await marksOf('HOUR')]).toEqual([minutes, [true, false]]);
    await network.rollups.roll(new Date(NOON + 120 * 60_000));
    await network.storage.prune(new Date(NOON + 120 * 60_000), 1_000);
    expect([await marksOf('MINUTE'), await marksOf('HOUR')]).toEqual([minutes, [true, false]]);
  });

  it('does not say that nothing was simulated of minutes of which that was not kept', async () => {
    const { workspace, storage, rollups } = open();
    const client = database.inWorkspace(workspace).client;
    for (const second of [0, 60, 3_600]) {
      await storage.insert(update(new Date(NOON + 1_000 * second), 0.5, second === 3_600));
    }
    await rollups.roll(new Date(NOON + 62 * 60_000));
    await client.measurementRollup.updateMany({
      where: { startsAt: new Date(NOON) },
      data: { simulated: null },
    });
    await client.measurementRollup.deleteMany({ where: { step: 'HOUR' } });
    const { points } = await readHistory(rollups, { ...span(0, 120), step: 'HOUR' });
    expect(points.map(({ simulated }) => simulated)).toEqual([null, true]);
  });

  it('says when there was more than it gives', async () => {
    const network = open();
    await fill(network, { minutes: 1, coherence: () => 0.5 });
    const { truncated, points } = await readHistory(network.rollups, {
      ...{ from: new Date(NOON), to: new Date(NOON + 6_000 * 60_000), step: 'MINUTE' },
    });
    expect(points).toHaveLength(1);
    expect(truncated).toBe(true);
  });

  it('refuses a stretch that ends before it begins', async () => {
    const { rollups } = open();
    await expect(readHistory(rollups, span(1, 0))).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });
});

describe('what the numbers did around an instant', () => {
  it('is told with how far they moved, also in robust deviations of windows before that share nothing', async () => {
    const network = open();
    // Windows of 64 s every 10 s: each seventh one shares nothing with the one before, and 12 of them take 13 minutes.
    await fill(network, {
      minutes: 17,
      coherence: (minute, step) => (minute < 15 ? 0.8 : 0.5) + (step % 2) / 100,
    });
    const ask = (minute: number) =>
      readSurroundings(network, {
        ...{ at: new Date(NOON + minute * 60_000), beforeMs: 120_000, afterMs: 120_000 },
      });
    const { points, changes } = await ask(15);
    expect(points).toHaveLength(24);
    const coherence = changes.find(({ metric }) => metric === 'COHERENCE');
    expect(coherence?.before).toMatchObject({ count: 12, mean: expect.closeTo(0.805, 10) });
    expect(coherence?.difference).toBeCloseTo(-0.3, 10);
    expect(coherence?.robustZ).toBeLessThan(-20);
    expect(changes.find(({ metric }) => metric === 'PHI')).toEqual({
      ...{ metric: 'PHI', before: null, after: null, difference: null, robustZ: null },
    });
    // There are 11 only.
    const [, early] = (await ask(12)).changes;
    expect(early).toMatchObject({ metric: 'COHERENCE', difference: expect.any(Number), robustZ: null });
  });

  it('is by the minute where updates have been removed, without the minute of the instant, which has both sides in it', async () => {
    const network = open();
    await fill(network, { minutes: 24, coherence: (minute, step) => (minute * 6 + step < 75 ? 0.8 : 0.5) });
    await network.rollups.roll(new Date(NOON + 24 * 60_000));
    await network.storage.prune(new Date(NOON + 20 * 60_000), 1_000);
    // In the middle of the thirteenth minute.
    const at = new Date(NOON + 12.5 * 60_000);
    const query = { at, beforeMs: 600_000, afterMs: 600_000 };
    const { changes, points } = await readSurroundings(network, query);
    expect(points.map(({ at: start }) => start.getTime())).not.toContain(NOON + 12 * 60_000);
    const coherence = changes.find(({ metric }) => metric === 'COHERENCE');
    expect(coherence?.before).toMatchObject({ minimum: 0.8, maximum: 0.8 });
    expect(coherence?.after).toMatchObject({ minimum: 0.5, maximum: 0.5 });
  });

  it('chooses the step of each side by what there is of it', async () => {
    const network = open();
    await fill(network, { minutes: 20, coherence: () => 0.5 });
    await network.rollups.roll(new Date(NOON + 20 * 60_000));
    await network.storage.prune(new Date(NOON + 8 * 60_000), 1_000);
    const { points } = await readSurroundings(network, {
      ...{ at: new Date(NOON + 10 * 60_000), beforeMs: 300_000, afterMs: 60_000 },
    });
    expect(points.map(({ count }) => count)).toEqual([6, 6, 6, 6, 6, 1, 1, 1, 1, 1, 1]);
  });

  it('is asked for of any fact of the event log, and is null of none', async () => {
    const { workspace, storage } = open();
    const consciousness = await startConsciousness({ database, workspace });
    opened.keep(consciousness.subgraph);
    const log = createEventLog({
      database,
      bus: createInProcessLiveBus(),
      now: () => new Date(NOON + 30_000),
    });
    const rows = database.inWorkspace(workspace);
    await rows.transaction((transaction) =>
      log.append(transaction, { source: '/alarms', type: 'aegis.alarm.raised', data: {} }),
    );
    await fill({ storage }, { minutes: 1, coherence: () => 0.5 });
    const event = await rows.client.event.findFirst();
    const ask = async (id: string) =>
      (
        await consciousness.query(
          `{ metricsAround(eventId: "${id}", beforeMs: 20000, afterMs: 10000) {
            event { id } points { at simulated coherence { mean } } changes { metric difference } } }`,
        )
      ).data?.['metricsAround'];
    expect(await ask(event?.id ?? '')).toMatchObject({
      event: { id: event?.id },
      points: [10, 20, 30].map((second) => ({
        ...{ at: new Date(NOON + 1_000 * second).toISOString(), simulated: false },
      })),
    });
    expect(await ask('evt_none')).toBeNull();
  });

  it('refuses stretches of less than a second', async () => {
    const query = { at: new Date(NOON), beforeMs: 999, afterMs: 1_000 };
    await expect(readSurroundings(open(), query)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });
});
