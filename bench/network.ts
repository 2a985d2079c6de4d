import { startOneProcess } from '../test/support/aegis-system.js';
import { createGraphClient } from '../test/support/graph-client.js';
import { createOscillators } from '../subgraphs/consciousness/generator/oscillators.js';
import { createGraph } from '../subgraphs/consciousness/graph/configured-graph.js';
import { generatorParameters } from '../subgraphs/consciousness/generator/generator-parameters.js';
import { rankBipartitions } from '../subgraphs/consciousness/metrics/bipartitions.js';
import { estimateLaggedCovariance } from '../subgraphs/consciousness/metrics/lagged-covariance.js';
import type { PhiOptions } from '../subgraphs/consciousness/metrics/phi-estimate.js';
import { createRandom } from '../subgraphs/consciousness/metrics/random.js';
import { standardise } from '../subgraphs/consciousness/metrics/standardise.js';
import { measureWindow } from '../subgraphs/consciousness/metrics/window-metrics.js';
import type { Bench, BenchOptions, Row, Table } from './support/bench.js';
import { percentilesOf } from './support/percentiles.js';
import { measureCpu } from './support/process-usage.js';

const SAMPLES = 256;
const ALL: PhiOptions = { lag: 1, surrogates: 19, seed: 1 };
/** An update that goes on with the surrogates of those before. */
const LIVE: PhiOptions = { ...ALL, renew: 2, earlier: Array.from({ length: 19 }, () => 0) };
const SETTLE_MS = 40_000;

/** A window of a network whose oscillators are partly in order. */
function generate(nodeCount: number): Float64Array[] {
  const oscillators = createOscillators({
    graph: createGraph('auto', nodeCount),
    parameters: generatorParameters.parse({ coupling: 1.5 }),
    random: createRandom(1),
  });
  oscillators.advance(20_000);
  const values = Array.from({ length: SAMPLES }, () => {
    oscillators.advance(100);
    return oscillators.read();
  });
  return Array.from({ length: nodeCount }, (_, node) => Float64Array.from(values, (all) => all[node] ?? 0));
}

/** How long some work takes, in milliseconds, after it has been done a few times. */
function time(subject: string, seconds: number, work: () => unknown): Row {
  for (let warm = 0; warm < 10; warm += 1) work();
  const durations: number[] = [];
  const busy: number[] = [];
  const endsAt = performance.now() + 1_000 * seconds;
  while (performance.now() < endsAt) {
    const begunAt = performance.now();
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    durations.push(performance.now() - begunAt);
    busy.push((user + system) / 1_000);
  }
  const { p50, p99 } = percentilesOf(durations);
  return { subject, figures: { 'CPU ms': percentilesOf(busy).p50, 'p50 ms': p50, 'p99 ms': p99 } };
}

function measureUpdates({ windowSeconds }: BenchOptions): Table {
  const thirteen = generate(13);
  const large = generate(64);
  const star: PhiOptions = { ...ALL, method: 'MISMATCHED_DECODING' };
  const standards = thirteen.flatMap((signal) => standardise(signal) ?? []);
  const covariance = estimateLaggedCovariance(standards, 1);
  return {
    title: `One update of everything, windows of ${SAMPLES} samples, in one thread`,
    rows: [
      time('Aegis, 13 nodes, 2 surrogates anew', windowSeconds, () => measureWindow(thirteen, LIVE)),
      time('Aegis, 13 nodes, all 19 surrogates', windowSeconds, () => measureWindow(thirteen, ALL)),
      time('Aegis, 13 nodes, Φ* with 19 surrogates', windowSeconds, () => measureWindow(thirteen, star)),
      time('Aegis, 64 nodes, spectral bisection, 2 anew', windowSeconds, () => measureWindow(large, LIVE)),
      time('floor: Φ alone, 4,095 bipartitions of 13', windowSeconds, () => rankBipartitions(covariance, 1)),
    ],
  };
}

/** What a process with the generator does in a while, against one without. */
async function watchProcess(coupling: number | undefined, seconds: number): Promise<Row> {
  const env = coupling === undefined ? {} : { AEGIS_GENERATOR: JSON.stringify({ coupling }) };
  const system = await startOneProcess({ env });
  try {
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const stopCpu = measureCpu(system.processes[0]?.pid ?? 0);
    const from = new Date().toISOString();
    await new Promise((resolve) => setTimeout(resolve, 1_000 * seconds));
    const cpuMs = stopCpu();
    const { metricHistory, networkState } = await createGraphClient(system).query<{
      metricHistory: { points: object[] };
      networkState: { metrics: { computedInMs: number } } | null;
    }>(
      `{ metricHistory(range: { from: "${from}" }, step: UPDATE) { points { at } } networkState { metrics { computedInMs } } }`,
    );
    return {
      subject: coupling === undefined ? 'floor: the same without signals' : 'Aegis, 13 nodes at 10 Hz',
      figures: {
        'updates/s': metricHistory.points.length / seconds,
        'CPU ms/s': cpuMs === undefined ? undefined : cpuMs / seconds,
        'on demand ms': networkState?.metrics.computedInMs,
      },
    };
  } finally {
    await system.close();
  }
}

async function run(options: BenchOptions): Promise<readonly Table[]> {
  const seconds = 5 * options.windowSeconds;
  return [
    measureUpdates(options),
    {
      title: 'The whole process with the generator, and without',
      rows: [await watchProcess(1.5, seconds), await watchProcess(undefined, seconds)],
      notes: [
        `After ${SETTLE_MS / 1_000} s. Samples ten times a second, updates every other one; each stored and announced.`,
        'On demand: the numbers with all surrogates anew, as a query has them.',
      ],
    },
  ];
}

export const network: Bench = {
  question: 'What does one update of the network’s numbers cost, and are five a second kept up?',
  run,
};
