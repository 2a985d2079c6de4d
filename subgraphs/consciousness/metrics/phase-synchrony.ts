import type { Phasors } from '../coherence/phasors.js';

/** How phases keep together over a stretch of instants. */
export interface PhaseSynchrony {
  /** The Kuramoto order parameter R(t) at each instant at which two phases or more are known. */
  readonly orders: Float64Array;
  /** One for each pair of signals, in their order. */
  readonly pairs: readonly PairLocking[];
}

/** How constant the phase difference of two signals is, 0 (any) to 1 (constant); null when they share no instant. */
export interface PairLocking {
  /** The places of the two signals, the smaller one first. */
  readonly a: number;
  readonly b: number;
  readonly locking: number | null;
}

/**
 * Measures how phases keep together: R(t) = |1/N Σ e^{iθⱼ(t)}| for each instant, and the phase-locking value
 * |mean e^{i(θₐ − θ_b)}| for each pair.
 *
 * Shape: for each signal its phases as points of the unit circle, all of one length; `from` (included) and `to` (not) are
 * the instants that count.
 * Source: Kuramoto, Chemical Oscillations, Waves, and Turbulence (1984), §5.4; Lachaux, Rodriguez, Martinerie, Varela,
 * Measuring phase synchrony in brain signals, Human Brain Mapping 8 (1999).
 */
export function measurePhaseSynchrony(
  phases: readonly Phasors[],
  { from, to }: { readonly from: number; readonly to: number },
): PhaseSynchrony {
  const orders: number[] = [];
  for (let t = from; t < to; t += 1) {
    const order = orderAt(phases, t);
    if (order !== undefined) orders.push(order);
  }
  const pairs = phases.flatMap((one, a) =>
    phases.slice(a + 1).map((other, place) => ({
      a,
      b: a + 1 + place,
      locking: lockingOf(one, other, { from, to }),
    })),
  );
  return { orders: Float64Array.from(orders), pairs };
}

/** R(t) of the signals that have a phase then; undefined when fewer than two have. */
function orderAt(phases: readonly Phasors[], t: number): number | undefined {
  let [cosines, sines, members] = [0, 0, 0];
  for (const phasors of phases) {
    const cosine = phasors.cosines[t] ?? 0;
    const sine = phasors.sines[t] ?? 0;
    if (cosine === 0 && sine === 0) continue;
    cosines += cosine;
    sines += sine;
    members += 1;
  }
  return members < 2 ? undefined : Math.min(1, Math.hypot(cosines, sines) / members);
}

function lockingOf(
  one: Phasors,
  other: Phasors,
  { from, to }: { readonly from: number; readonly to: number },
): number | null {
  let [cosines, sines, instants] = [0, 0, 0];
  for (let t = from; t < to; t += 1) {
    const [c1, s1] = [one.cosines[t] ?? 0, one.sines[t] ?? 0];
    const [c2, s2] = [other.cosines[t] ?? 0, other.sines[t] ?? 0];
    if ((c1 === 0 && s1 === 0) || (c2 === 0 && s2 === 0)) continue;
    cosines += c1 * c2 + s1 * s2;
    sines += s1 * c2 - c1 * s2;
    instants += 1;
  }
  return instants === 0 ? null : Math.min(1, Math.hypot(cosines, sines) / instants);
}
