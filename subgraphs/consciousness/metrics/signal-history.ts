import { signalOfMeasurement, type Sample } from '../samples/sample.js';
import {
  createSignalWindows,
  cutToNewest,
  findGivenPhases,
  type SignalWindow,
} from '../samples/signal-windows.js';

/** The recent signals of a network on one grid of instants. */
export interface SignalHistory {
  /** Values of each signal; the same for all. 0 when there is no signal. */
  readonly length: number;
  /** Indexes of the nodes whose signals they are. */
  readonly nodes: readonly number[];
  /** One for each of these nodes, oldest value first, the last one at the newest sample. */
  readonly signals: readonly Float64Array[];
  /** Likewise, in radians: undefined for a signal whose values have not all come with their phases. */
  readonly phases: readonly (Float64Array | undefined)[];
}

/** The window of a node's signal. */
export interface NodeWindow extends SignalWindow {
  readonly index: number;
}

export interface HistoryOptions {
  /** Milliseconds from one instant of the grid to the next. */
  readonly periodMs: number;
  /** The most instants. */
  readonly capacity: number;
  /** A signal with fewer is left out. */
  readonly minimum: number;
  /** The most instants in a row for which a value is held. */
  readonly longestHold: number;
}

/**
 * Lays the signals of the nodes of the newest sample on a regular grid. Where samples are missing the value before is held,
 * as between two readings; behind a longer hole a signal begins anew. All signals are cut to the newest part that they
 * share. Signals that are still too short are left out, unless all are. Samples of another pace than the newest one are of
 * another grid, and left out.
 *
 * Shape: stored samples, oldest first, the newest one last.
 */
export function layHistory(samples: readonly Sample[], options: HistoryOptions): SignalHistory {
  const { periodMs, capacity, minimum, longestHold } = options;
  const windows = createSignalWindows({ capacity, longestHold });
  const newest = samples.at(-1);
  for (const { sampledAt, windowMs, nodes } of samples) {
    if (windowMs !== newest?.windowMs) continue;
    const tick = Math.round(sampledAt.getTime() / periodMs);
    for (const node of nodes) {
      windows.push(signalOfMeasurement(node), { tick, value: node.value, phase: node.givenPhase });
    }
  }
  const all = (newest?.nodes ?? []).map((node) => ({
    index: node.index,
    ...windows.read(signalOfMeasurement(node)),
  }));
  return cutToOneLength(all, { capacity, minimum });
}

/** Cuts windows to the newest part that all share; those that are too short are left out, unless all are. */
export function cutToOneLength(
  all: readonly NodeWindow[],
  { capacity, minimum }: Pick<HistoryOptions, 'capacity' | 'minimum'>,
): SignalHistory {
  const longEnough = all.filter(({ values }) => values.length >= minimum);
  const members = longEnough.length > 0 ? longEnough : all;
  const length = members.reduce((least, { values }) => Math.min(least, values.length), capacity);
  const windows = members.map((member) => cutToNewest(member, length));
  return {
    length: members.length === 0 ? 0 : length,
    nodes: members.map(({ index }) => index),
    signals: windows.map(({ values }) => values),
    phases: windows.map(findGivenPhases),
  };
}
