import type { Phasors } from '../coherence/phasors.js';
import { computeLevel } from './level.js';
import { computeStability } from './stability.js';

/** The numbers of one signal among the others of a network; each is null where it cannot be told. */
export interface NodeNumbers {
  /** φ of this signal against all others, in bits. */
  readonly phi: number | null;
  /** How closely its phase keeps to that of the mean field of the others, 0 to 1. */
  readonly coherence: number | null;
  /** How steady it keeps to it, 0 to 1. */
  readonly stability: number | null;
  /** The Jensen–Shannon distance of its distribution from the pooled one, 0 to 1. */
  readonly divergence: number | null;
  /** The geometric mean of 1 − e^(−φ/Φ₀), coherence, stability and 1 − divergence, as of a network. */
  readonly level: number | null;
}

/** A mean field shorter than this is rounding: it has no phase. */
const NO_FIELD = 1e-9;

/**
 * How each phase keeps to the mean field of all others over a stretch of instants. With θ its phase and ψ that of the field
 * Σ e^{iθ} of the others: coherence is |mean e^{i(θ − ψ)}|, and stability 1 − 2σ of the alignment (1 + cos(θ − ψ)) / 2, which lies
 * between 0 (against the field) and 1 (with it). These are the order parameter and the stability of a network, asked of one
 * of its members.
 *
 * Shape: for each signal its phases as points of the unit circle, all of one length; `from` (included) and `to` (not).
 * Source: Lachaux et al., Human Brain Mapping 8 (1999), for the locking; Shanahan, Chaos 20 (2010) 013108, for the deviation.
 */
export function measureMembers(
  phases: readonly Phasors[],
  { from, to }: { readonly from: number; readonly to: number },
): readonly { readonly coherence: number | null; readonly stability: number | null }[] {
  const alignments = phases.map((): number[] => []);
  const sums = phases.map(() => ({ cosine: 0, sine: 0 }));
  for (let t = from; t < to; t += 1) {
    const field = sumAt(phases, t);
    for (const [place, phasors] of phases.entries()) {
      const difference = againstOthers(phasors, t, field);
      const sum = sums[place];
      if (!difference || !sum) continue;
      sum.cosine += difference.cosine;
      sum.sine += difference.sine;
      alignments[place]?.push((1 + difference.cosine) / 2);
    }
  }
  return alignments.map((alignment, place) => {
    if (alignment.length === 0) return { coherence: null, stability: null };
    const { cosine = 0, sine = 0 } = sums[place] ?? {};
    return {
      coherence: Math.min(1, Math.hypot(cosine, sine) / alignment.length),
      stability: computeStability(Float64Array.from(alignment)),
    };
  });
}

/** The level of one signal; null while any of its terms is. */
export function levelOfNode({ phi, coherence, stability, divergence }: Omit<NodeNumbers, 'level'>) {
  if (phi === null || coherence === null || stability === null || divergence === null) return null;
  return computeLevel({ phi, coherence, stability, divergence }).value;
}

interface Phasor {
  readonly cosine: number;
  readonly sine: number;
}

function sumAt(phases: readonly Phasors[], t: number): Phasor {
  let [cosine, sine] = [0, 0];
  for (const phasors of phases) {
    cosine += phasors.cosines[t] ?? 0;
    sine += phasors.sines[t] ?? 0;
  }
  return { cosine, sine };
}

/** The phase of one against the field without it; undefined where one of them has none. */
function againstOthers({ cosines, sines }: Phasors, t: number, field: Phasor): Phasor | undefined {
  const [cosine, sine] = [cosines[t] ?? 0, sines[t] ?? 0];
  const [x, y] = [field.cosine - cosine, field.sine - sine];
  const length = Math.hypot(x, y);
  if ((cosine === 0 && sine === 0) || length < NO_FIELD) return undefined;
  return { cosine: (cosine * x + sine * y) / length, sine: (sine * x - cosine * y) / length };
}
