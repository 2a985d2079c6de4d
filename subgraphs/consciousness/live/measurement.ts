import { z } from 'zod';
import type { Sequenced } from '../../../kernel/events/resumable-stream.js';
import type { NetworkMetrics } from '../metrics/describe-metrics.js';
import type { StoredItem } from '../streams/stored-stream.js';

/** The network at one update, not stored yet. */
export interface NewMeasurement {
  readonly measuredAt: Date;
  readonly metrics: NetworkMetrics;
  /** What the sample of this instant says of the network. */
  readonly state: SampleState;
}

export type SampleState = Readonly<z.infer<typeof sampleState>>;

/** A stored update. */
export interface Measurement extends NewMeasurement, Sequenced {}

const number = z.number().nullable();
const source = z.enum(['DEVICE', 'STATE', 'GENERATOR']).nullable();

const sampleState = z.object({
  coherence: number,
  nodeCount: z.int(),
  reportingCount: z.int(),
  windowMs: z.number(),
});

/** What a row holds beside its columns, as short as it goes: it is written five times a second. */
const detail = z.object({
  state: sampleState,
  window: z.object({ samples: z.int(), rateHz: z.number(), nodes: z.array(z.int()) }),
  phi: z
    .object({
      significant: z.boolean(),
      surrogate95: z.number(),
      surrogates: z.int(),
      surrogatesAt: z.number(),
      partition: z.array(z.array(z.int())),
      method: z.enum(['GAUSSIAN_WHOLE_MINUS_SUM', 'MISMATCHED_DECODING']),
      search: z.enum(['EXHAUSTIVE', 'BEST_CANDIDATES', 'SPECTRAL_BISECTION']),
      exact: z.boolean(),
      normalisation: z.enum(['ENTROPY', 'MAXIMUM_ENTROPY']),
      lag: z.int(),
      samples: z.int(),
      shrinkage: z.number(),
    })
    .nullable(),
  level: z.object({ levelVersion: z.int(), phi0: z.number() }).nullable(),
  /** The nodes whose phases came with their values; left out where there is none, and by versions that knew none. */
  given: z.array(z.int()).optional(),
  /** One for each two of the nodes of the window or with given phases, in their order. */
  lockings: z.array(number),
  missing: z.array(
    z.object({
      metric: z.enum(['PHI', 'COHERENCE', 'STABILITY', 'DIVERGENCE', 'LEVEL']),
      code: z.enum(['TOO_FEW_SAMPLES', 'TOO_FEW_SIGNALS', 'TOO_MANY_SIGNALS', 'NO_PHASE']),
      message: z.string(),
    }),
  ),
  /** By index: φ, coherence, stability, divergence, level, fresh, validity, reputation, source. */
  nodes: z.array(
    z.tuple([number, number, number, number, number, z.boolean(), z.number(), z.number(), source]),
  ),
  computedInMs: z.number(),
});

/** An update as a row has it. */
export const measurementRow = z.object({
  sequence: z.union([z.bigint(), z.string().regex(/^\d{1,19}$/)]).transform(BigInt),
  measuredAt: z.union([z.date(), z.iso.datetime()]).transform((at) => new Date(at)),
  phi: number,
  coherence: number,
  stability: number,
  divergence: number,
  level: number,
  collectiveAwareness: number,
  systemHealth: number,
  simulated: z.boolean(),
  detail,
});

export type MeasurementColumns = Omit<z.infer<typeof measurementRow>, 'sequence'>;

/** The live topic on which each stored update is announced. */
export const MEASUREMENTS_TOPIC = 'consciousness.measurements';

const announced = z.object({ row: measurementRow, previousSequence: z.string().regex(/^\d{1,19}$/) });

/** Makes the message that announces a stored update. */
export function toMeasurementMessage({ item, previousSequence }: StoredItem<Measurement>): unknown {
  const { measuredAt, ...columns } = toColumns(item);
  return {
    row: { ...columns, measuredAt: measuredAt.toISOString(), sequence: String(item.sequence) },
    previousSequence: String(previousSequence),
  };
}

/** Reads a message of the live bus; undefined when it is no update. */
export function readMeasurementMessage(message: unknown): StoredItem<Measurement> | undefined {
  const { success, data } = announced.safeParse(message);
  if (!success) return undefined;
  return { item: toMeasurement(data.row), previousSequence: BigInt(data.previousSequence) };
}

/** An update as a row has it. */
export function toColumns({ measuredAt, metrics, state }: NewMeasurement): MeasurementColumns {
  const { phi, level, global, window } = metrics;
  const given = metrics.nodes.flatMap(({ index, phaseSource }) => (phaseSource === 'GIVEN' ? [index] : []));
  const { bits: _bits, surrogatesAt, ...rest } = phi ?? { bits: 0, surrogatesAt: measuredAt };
  return {
    measuredAt,
    phi: phi?.bits ?? null,
    coherence: metrics.coherence,
    stability: metrics.stability,
    divergence: metrics.divergence,
    level: level?.value ?? null,
    collectiveAwareness: global.collectiveAwareness,
    systemHealth: global.systemHealth,
    simulated: metrics.simulated,
    detail: {
      state,
      window: { samples: window.samples, rateHz: window.rateHz, nodes: window.nodes },
      phi: phi && detail.shape.phi.parse({ ...rest, surrogatesAt: surrogatesAt.getTime() }),
      level: level && { levelVersion: level.levelVersion, phi0: level.phi0 },
      ...(given.length > 0 ? { given } : {}),
      lockings: metrics.pairs.map(({ locking }) => round(locking)),
      missing: metrics.missing,
      nodes: metrics.nodes.map((node) => [
        round(node.phi),
        round(node.coherence),
        round(node.stability),
        round(node.divergence),
        round(node.level),
        node.fresh,
        round(node.validity) ?? 0,
        round(node.reputation) ?? 0,
        node.source,
      ]),
      computedInMs: round(metrics.computedInMs) ?? 0,
    },
  };
}

/** Reads a row back. */
export function toMeasurement(row: z.infer<typeof measurementRow>): Measurement {
  const { sequence, measuredAt, detail: kept } = row;
  const { samples, rateHz, nodes: moving } = kept.window;
  const from = new Date(measuredAt.getTime() - (Math.max(0, samples - 1) * 1_000) / rateHz);
  const given = new Set(kept.given);
  const phased = [...new Set([...moving, ...given])].sort((a, b) => a - b);
  const pairs = phased.flatMap((a, place) => phased.slice(place + 1).map((b) => ({ a, b })));
  const findPhaseSource = (index: number) => {
    if (given.has(index)) return 'GIVEN';
    return phased.includes(index) ? 'ANALYTIC' : null;
  };
  const { coherence, stability, divergence } = row;
  return {
    ...{ sequence, measuredAt, state: kept.state },
    metrics: {
      ...{ coherence, stability, divergence, simulated: row.simulated },
      window: { from, to: measuredAt, samples, rateHz, nodes: moving },
      phi: kept.phi && { ...kept.phi, bits: row.phi ?? 0, surrogatesAt: new Date(kept.phi.surrogatesAt) },
      level:
        kept.level && row.level !== null
          ? { ...kept.level, value: row.level, significant: kept.phi?.significant ?? false }
          : null,
      pairs: pairs
        .slice(0, kept.lockings.length)
        .map((pair, place) => ({ ...pair, locking: kept.lockings[place] ?? null })),
      missing: kept.missing,
      nodes: kept.nodes.map(([phi, R, S, D, level, fresh, validity, reputation, origin], index) => ({
        ...{ index, phi, level, fresh, validity, reputation },
        ...{ coherence: R, stability: S, divergence: D, source: origin },
        phaseSource: findPhaseSource(index),
      })),
      global: {
        networkCoherence: coherence,
        collectiveAwareness: row.collectiveAwareness,
        systemHealth: row.systemHealth ?? 0,
      },
      computedInMs: kept.computedInMs,
    },
  };
}

/** Four digits are more than such a number means. */
function round(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(4));
}
