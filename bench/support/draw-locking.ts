import { createOscillators } from '../../subgraphs/consciousness/generator/oscillators.js';
import { generatorParameters } from '../../subgraphs/consciousness/generator/generator-parameters.js';
import { createMetatronCube } from '../../subgraphs/consciousness/graph/metatron-cube.js';
import { createRandom } from '../../subgraphs/consciousness/metrics/random.js';
import { measureWindow, type WindowMetrics } from '../../subgraphs/consciousness/metrics/window-metrics.js';
import { drawLineChart } from './line-chart.js';

const SAMPLES = 256;
const PERIOD_MS = 100;
const SECONDS = 300;
const MOST_COUPLING = 3;
/** Between two measurements, in samples. */
const EVERY = 20;

interface Point {
  readonly coupling: number;
  readonly metrics: WindowMetrics;
  /** The same by Φ*. */
  readonly star: WindowMetrics;
}

type ValueOf = (point: Point) => number | null | undefined;

/**
 * Draws how the numbers of the network go while the generator's coupling rises from 0: from thirteen oscillators that run for
 * themselves to thirteen that are locked. The same at each run.
 */
export function drawLocking(): string {
  const points = listPoints();
  const field = (label: string, span: readonly [number, number], ...values: readonly ValueOf[]) => ({
    ...{ label, minimum: span[0], maximum: span[1] },
    lines: values.map((valueOf) => ({ label, values: points.map((point) => valueOf(point) ?? null) })),
  });
  const phi: ValueOf = ({ metrics }) => metrics.phi?.bits;
  const surrogates: ValueOf = ({ metrics }) => metrics.phi?.surrogate95;
  return drawLineChart({
    title: 'The generator from incoherent to locked',
    subtitle:
      'Windows of 256 samples at 10 Hz while K rises; dashed: the 95th percentile of phase-shuffled surrogates',
    axis: 'coupling K at the end of the window, radians a second',
    places: points.map(({ coupling }) => coupling),
    fields: [
      field('R', [0, 1], ({ metrics }) => metrics.coherence),
      field('Φ, bits', [-20, 5], phi, surrogates),
      field(
        'Φ*, bits',
        [0, 10],
        ({ star }) => star.phi?.bits,
        ({ star }) => star.phi?.surrogate95,
      ),
      field('S', [0, 1], ({ metrics }) => metrics.stability),
      field('D', [0, 1], ({ metrics }) => metrics.divergence),
      field('C by Φ', [0, 1], ({ metrics }) => metrics.level?.value),
      field('C by Φ*', [0, 1], ({ star }) => star.level?.value),
    ],
  });
}

function listPoints(): Point[] {
  const oscillators = createOscillators({
    graph: createMetatronCube(),
    parameters: generatorParameters.parse({ coupling: 0, seed: 2 }),
    random: createRandom(2),
  });
  const windows = Array.from({ length: 13 }, (): number[] => []);
  const points: Point[] = [];
  const steps = (1_000 * SECONDS) / PERIOD_MS;
  for (let step = 0; step < steps; step += 1) {
    const coupling = (MOST_COUPLING * step) / steps;
    oscillators.setCoupling(coupling);
    oscillators.advance(PERIOD_MS);
    for (const [node, value] of oscillators.read().entries()) windows[node]?.push(value);
    if (step < SAMPLES || step % EVERY !== 0) continue;
    const signals = windows.map((values) => Float64Array.from(values.slice(-SAMPLES)));
    const options = { lag: 1, surrogates: 19, seed: step };
    const star = measureWindow(signals, { ...options, method: 'MISMATCHED_DECODING' });
    points.push({ coupling, metrics: measureWindow(signals, options), star });
  }
  return points;
}
