import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import {
  readSurroundings,
  type MetricChange,
} from '../../../../subgraphs/consciousness/history/metrics-around.js';
import { describeMetrics } from '../../../../subgraphs/consciousness/metrics/describe-metrics.js';
import { measureWindow } from '../../../../subgraphs/consciousness/metrics/window-metrics.js';
import { createIndependentUpdates } from '../../../../subgraphs/consciousness/storage/independent-updates.js';
import { createMeasurementStorage } from '../../../../subgraphs/consciousness/storage/measurement-storage.js';
import { createRollups } from '../../../../subgraphs/consciousness/storage/rollups.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { buildMatrix, simulate } from '../support/autoregression.js';
import { newWorkspace } from '../support/start-consciousness.js';
import { createRandom, noise } from '../support/waves.js';

const opened = createOpened();
let database: Database;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);

afterAll(opened.close);

const NOON = Date.parse('2026-01-31T12:00:00Z');
const WINDOW = 256;
/** Seconds from one update to the next: windows of two that follow each other share 7 of 8 values. */
const STEP = 32;

/** Whether Φ stands out of surrogates does not matter here, so none are made. */
const OPTIONS = { lag: 1, surrogates: 19, seed: 1, renew: 0, earlier: Array.from({ length: 19 }, () => 0) };

/** Stores the numbers of signals sampled once a second, as a network without quick signals has them. */
async function measureAll(signals: readonly Float64Array[]) {
  const workspace = newWorkspace();
  const storage = createMeasurementStorage(database, workspace);
  const length = signals[0]?.length ?? 0;
  for (let end = WINDOW; end <= length; end += STEP) {
    const cut = signals.map((signal) => signal.slice(end - WINDOW, end));
    const measured = measureWindow(cut, OPTIONS);
    const at = new Date(NOON + 1_000 * end);
    const metrics = describeMetrics(
      { ...measured, computedInMs: 1 },
      {
        history: { length: WINDOW, nodes: signals.map((_, node) => node), signals: cut, phases: [] },
        ...{ at, periodMs: 1_000, surrogatesAt: at, nodeCount: signals.length },
        ...{ sources: new Map(), simulated: false, standings: new Map() },
      },
    );
    const state = { coherence: null, nodeCount: signals.length, reportingCount: 0, windowMs: 64_000 };
    await storage.insert({ measuredAt: at, metrics, state });
  }
  const independentUpdates = createIndependentUpdates(database, workspace);
  return { independentUpdates, rollups: createRollups(database, workspace) };
}

const OF_SIGNALS: readonly string[] = ['PHI', 'COHERENCE', 'STABILITY', 'DIVERGENCE'];

const zOf = (changes: readonly MetricChange[]) =>
  changes.filter(({ metric }) => OF_SIGNALS.includes(metric)).map(({ robustZ }) => robustZ);

const around = (second: number, afterMs = 60_000) => ({
  ...{ at: new Date(NOON + 1_000 * second), beforeMs: 60_000, afterMs },
});

const own = buildMatrix(5, (row, column) => (row === column ? 0.5 : 0));

describe('what the numbers did around an instant at which nothing happened', () => {
  it('is seldom out of the ordinary: updates follow each other, the windows it is held against do not', async () => {
    const network = await measureAll(simulate(own, 40 * WINDOW, createRandom(1)));
    const found: (number | null)[] = [];
    for (let window = 15; window < 40; window += 1)
      found.push(...zOf((await readSurroundings(network, around(window * WINDOW))).changes));
    expect(found).toHaveLength(4 * 25);
    expect(found).not.toContain(null);
    // Of 100 one or two are expected; by the updates of the minute before it would be a fifth.
    expect(found.filter((z) => Math.abs(z ?? 0) > 3.5).length).toBeLessThanOrEqual(5);
  }, 120_000);

  it('is not told in deviations until there were 12 windows that share nothing', async () => {
    const network = await measureAll(simulate(own, 14 * WINDOW, createRandom(2)));
    const ask = async (second: number) => zOf((await readSurroundings(network, around(second))).changes);
    expect(await ask(11.9 * WINDOW)).toEqual([null, null, null, null]);
    expect(await ask(12.1 * WINDOW)).not.toContain(null);
  }, 120_000);
});

describe('what the numbers did around an instant at which the nodes fell into step', () => {
  it('is far out of the ordinary', async () => {
    const random = createRandom(3);
    const change = 20 * WINDOW;
    const common = noise(24 * WINDOW, random);
    const signals = simulate(own, 24 * WINDOW, random).map((signal) =>
      signal.map((value, t) => (t < change ? value : 0.3 * value + (common[t] ?? 0))),
    );
    const network = await measureAll(signals);
    // An update shows all of it when its window has passed.
    const { changes } = await readSurroundings(network, around(change, 1_000 * 3 * WINDOW));
    const coherence = changes.find(({ metric }) => metric === 'COHERENCE');
    expect(coherence?.difference).toBeGreaterThan(0.1);
    expect(coherence?.robustZ).toBeGreaterThan(5);
  }, 120_000);
});
