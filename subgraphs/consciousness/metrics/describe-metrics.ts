import type { SignalSource } from '../signal.js';
import type { MeasuredWindow } from './metrics-task.js';
import type { SignalHistory } from './signal-history.js';
import type { MissingMetric, WindowMetrics } from './window-metrics.js';

/** The window that a network was measured over. */
export interface MetricsWindow {
  readonly from: Date;
  readonly to: Date;
  readonly samples: number;
  readonly rateHz: number;
  readonly nodes: number[];
}

/** The numbers of a network over the window that ends with a sample, as the contract has them. */
export interface NetworkMetrics {
  readonly window: MetricsWindow;
  readonly phi: PhiView | null;
  readonly coherence: number | null;
  readonly stability: number | null;
  readonly divergence: number | null;
  readonly level: WindowMetrics['level'];
  readonly pairs: PairView[];
  readonly missing: MissingMetric[];
  readonly nodes: NodeMetrics[];
  readonly global: GlobalState;
  readonly simulated: boolean;
  readonly computedInMs: number;
}

/** How two nodes keep together. */
export interface PairView {
  readonly a: number;
  readonly b: number;
  readonly locking: number | null;
}

/** Φ, with its partition by the indexes of nodes. */
export type PhiView = Omit<
  NonNullable<WindowMetrics['phi']>,
  'partition' | 'references' | 'renewed' | 'basis'
> & {
  readonly partition: number[][];
  readonly surrogatesAt: Date;
};

/** One node's part in the numbers, and what it is worth. */
export interface NodeMetrics {
  readonly index: number;
  readonly phi: number | null;
  readonly coherence: number | null;
  readonly stability: number | null;
  readonly divergence: number | null;
  readonly level: number | null;
  readonly fresh: boolean;
  readonly validity: number;
  readonly reputation: number;
  readonly source: SignalSource | null;
  readonly phaseSource: PhaseSource | null;
}

/** Where the phase of a signal comes from: with its values, or from the analytic signal of them. */
export type PhaseSource = 'GIVEN' | 'ANALYTIC';

/** The network as one whole. */
export interface GlobalState {
  readonly networkCoherence: number | null;
  readonly collectiveAwareness: number | null;
  readonly systemHealth: number;
}

/** How far the reports of a node are to be believed now, and what its newest one says. */
export interface Standing {
  /** 0 to 1. */
  readonly reputation: number;
  readonly valid: boolean;
  /** The level that it reported, when that was found valid. */
  readonly level: number | null;
  /** How long ago the report came, in milliseconds. */
  readonly ageMs: number;
}

/** What numbers were measured of. */
export interface MetricsOrigin {
  readonly history: SignalHistory;
  readonly at: Date;
  readonly periodMs: number;
  /** Of the window that the oldest surrogate is of. */
  readonly surrogatesAt: Date;
  readonly nodeCount: number;
  /** Where the signal of each node that had a fresh value came from, by its index. */
  readonly sources: ReadonlyMap<number, SignalSource>;
  /** Whether any of these signals was made up. */
  readonly simulated: boolean;
  /** By the index of the node; nodes that report nothing have none. */
  readonly standings: ReadonlyMap<number, Standing>;
}

/** For so long a report stands in for a signal, in milliseconds. */
const REPORT_FRESH_MS = 30_000;
/** For so long an invalid report keeps its node out, in milliseconds. */
const DOUBT_MS = 600_000;

/** Places among the signals become indexes of nodes, and nodes are weighed by what they are worth. */
export function describeMetrics(measured: MeasuredWindow, origin: MetricsOrigin): NetworkMetrics {
  const { history, at, periodMs } = origin;
  const { phi, coherence, stability, divergence, level } = measured;
  const toIndex = (place: number) => history.nodes[place] ?? place;
  const nodes = describeNodes(measured, origin);
  return {
    ...{ coherence, stability, divergence, level, nodes },
    window: {
      from: new Date(at.getTime() - Math.max(0, history.length - 1) * periodMs),
      to: at,
      samples: history.length,
      rateHz: 1_000 / periodMs,
      nodes: measured.moving.map(toIndex),
    },
    phi: phi && describePhi(phi, { toIndex, surrogatesAt: origin.surrogatesAt }),
    pairs: measured.pairs.map(({ a, b, locking }) => ({ a: toIndex(a), b: toIndex(b), locking })),
    missing: [...measured.missing],
    global: summarise(nodes, coherence),
    simulated: origin.simulated,
    computedInMs: measured.computedInMs,
  };
}

/** Whether a report stands in for a signal. */
export function isReportFresh({ ageMs }: Standing): boolean {
  return ageMs <= REPORT_FRESH_MS;
}

/**
 * Each node's level times its validity, by the sum of these. While that is 0, nothing tells apart but how far they are to be
 * believed: the share of each in the validity of all; equal weights when nobody is believed.
 */
export function weighNodes(
  nodes: readonly NodeMetrics[],
): { readonly index: number; readonly weight: number }[] {
  const worths = [
    nodes.map(({ level, validity }) => (level ?? 0) * validity),
    nodes.map(({ validity }) => validity),
    nodes.map(() => 1),
  ];
  const worth = worths.find((all) => sumOf(all) > 0) ?? [];
  const sum = sumOf(worth);
  return nodes.map(({ index }, place) => ({ index, weight: (worth[place] ?? 0) / sum }));
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function describePhi(
  phi: NonNullable<WindowMetrics['phi']>,
  { toIndex, surrogatesAt }: { readonly toIndex: (place: number) => number; readonly surrogatesAt: Date },
): PhiView {
  const { references: _references, renewed: _renewed, basis: _basis, partition, ...rest } = phi;
  return { ...rest, surrogatesAt, partition: partition.map((part) => part.map(toIndex)) };
}

function describeNodes(
  { nodes, given }: WindowMetrics,
  { history, nodeCount, sources, standings }: MetricsOrigin,
): NodeMetrics[] {
  const measured = new Map(nodes.map(({ place, ...numbers }) => [history.nodes[place] ?? place, numbers]));
  const known = new Set(given.map((place) => history.nodes[place] ?? place));
  const unknown = { phi: null, coherence: null, stability: null, divergence: null, level: null };
  return Array.from({ length: nodeCount }, (_, index) => {
    const numbers = measured.get(index);
    const source = sources.get(index) ?? null;
    const phaseSource = numbers && (known.has(index) ? 'GIVEN' : 'ANALYTIC');
    const { reported, ...worth } = judge(source, standings.get(index));
    return {
      ...{ index, source, phaseSource: phaseSource ?? null },
      ...(numbers ?? unknown),
      level: numbers?.level ?? reported,
      ...worth,
    };
  });
}

/** What a node is worth: a signal stands for itself, unless the node's own reports are doubted. */
function judge(source: SignalSource | null, standing: Standing | undefined) {
  if (!standing) return { fresh: source !== null, reputation: 1, validity: source ? 1 : 0, reported: null };
  const { reputation, valid, level, ageMs } = standing;
  const hasReported = isReportFresh(standing);
  const fresh = source !== null || hasReported;
  const isDoubted = !valid && ageMs <= DOUBT_MS;
  return {
    ...{ fresh, reputation },
    validity: fresh && !isDoubted ? reputation : 0,
    reported: source === null && hasReported ? level : null,
  };
}

function summarise(nodes: readonly NodeMetrics[], coherence: number | null): GlobalState {
  const counting = nodes.filter(({ level, validity }) => level !== null && validity > 0);
  const weight = counting.reduce((sum, { validity }) => sum + validity, 0);
  const awareness = counting.reduce((sum, { level, validity }) => sum + (level ?? 0) * validity, 0);
  return {
    networkCoherence: coherence,
    collectiveAwareness: weight > 0 ? awareness / weight : null,
    systemHealth: nodes.filter(({ fresh, validity }) => fresh && validity > 0).length / nodes.length,
  };
}
