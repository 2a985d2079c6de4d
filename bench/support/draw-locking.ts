import { createOscillators } from '../../subgraphs/consciousness/generator/oscillators.js';
import { generatorParameters } from '../../subgraphs/consciousness/generator/generator-parameters.js';
import { createMetatronCube } from '../../subgraphs/consciousness/graph/metatron-cube.js';
import { createRandom } from '../../subgraphs/consciousness/metrics/random.js';
import { measureWindow, type WindowMetrics } from '../../subgraphs/consciousness/metrics/window-metrics.js';
import { drawLineChart } from './line-chart.js';

const SAMPLES = 256;
const PERIOD_MS = 100;
const SECONDS = 360;
const MOST_COUPLING = 4;
/** Between two measurements, in samples. */
const EVERY = 10;

interface Point {
  readonly coupling: number;
  readonly metrics: WindowMetrics;
}

/**
 * Draws how the numbers of the network go while the generator's coupling rises from 0: from thirteen oscillators that run for
 * themselves to thirteen that are locked. The same at each run.
 */
export function drawLocking(): string {
  const points = listPoints();
  const one = (label: string, maximum: number, value: (metrics: WindowMetrics) => number | null) => ({
    ...{ label, maximum },
    lines: [{ label, values: points.map(({ metrics }) => value(metrics)) }],
  });
  const phi = one('Φ, bits', 6, ({ phi: found }) => found?.bits ?? null);
  return drawLineChart({
    title: 'The generator from incoherent to locked',
    subtitle:
      'Windows of 256 samples at 10 Hz while K rises; dashed: the 95th percentile of phase-shuffled surrogates',
    axis: 'coupling K at the end of the window, radians a second',
    places: points.map(({ coupling }) => coupling),
    fields: [
      one('R', 1, ({ coherence }) => coherence),
      {
        ...phi,
        lines: [
          ...phi.lines,
          {
            label: 'surrogates',
            values: points.map(({ metrics: { phi: found } }) => found?.surrogate95 ?? null),
          },
        ],
      },
      one('S', 1, ({ stability }) => stability),
      one('D', 1, ({ divergence }) => divergence),
      one('C', 1, ({ level }) => level?.value ?? null),
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
    points.push({ coupling, metrics: measureWindow(signals, { lag: 1, surrogates: 19, seed: step }) });
  }
  return points;
}
