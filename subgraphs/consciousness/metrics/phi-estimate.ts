import {
  computeIntegratedInformation,
  type IntegratedInformation,
  type PhiMethod,
} from './integrated-information.js';
import { createHeldShuffler } from './held-shuffle.js';
import { estimateLaggedCovariance, isRegular, type LaggedCovariance } from './lagged-covariance.js';
import { createPhaseShuffler } from './phase-shuffle.js';
import { createRandom } from './random.js';
import { chooseShrinkage, shrink } from './shrinkage.js';

/** Φ of a window of signals, and what it was computed from and compared with. */
export interface PhiEstimate extends IntegratedInformation {
  /** In samples. */
  readonly lag: number;
  /** How many values of each signal it was estimated from. */
  readonly samples: number;
  /** How far the covariance was moved towards the identity because it was singular, 0 to 1; 0 when it was not. */
  readonly shrinkage: number;
  /** How many surrogates it was compared with. */
  readonly surrogates: number;
  /** The 95th percentile of the surrogates' Φ, in bits. */
  readonly surrogate95: number;
  /** Whether it is above 0, and above all but 5 % of what signals without any relation give. */
  readonly significant: boolean;
  /** The Φ of the surrogates, in bits, newest last: for whoever goes on with them. */
  readonly references: readonly number[];
  /** How many of them are of this window; the others were given. */
  readonly renewed: number;
  /** What the oldest of them were computed with. */
  readonly basis: SurrogateBasis;
}

/** What surrogates are computed with: those of another basis have another Φ. */
export interface SurrogateBasis {
  readonly signals: number;
  readonly samples: number;
  readonly shrinkage: number;
  readonly normalisation: IntegratedInformation['normalisation'];
}

export interface PhiOptions {
  /**
   * The signals before they were standardised, one for each. Where a value of theirs is held, that of a surrogate is as well; when
   * left out, none is taken to be held.
   */
  readonly sampled?: readonly (Float64Array | undefined)[];
  /** In samples, at least 1. */
  readonly lag: number;
  /** How many: at least 19, the fewest that can tell 5 %. */
  readonly surrogates: number;
  /** The same seed gives the same surrogates. */
  readonly seed: number;
  /** Whole minus sum when left out. */
  readonly method?: PhiMethod;
  /**
   * The Φ of surrogates of windows shortly before, in bits, newest last. With them only so many are made anew as are missing,
   * and `renew` at least: a window that slides a little at a time has much the same surrogates. They are left out when their basis
   * is another one.
   */
  readonly earlier?: readonly number[];
  readonly earlierBasis?: SurrogateBasis | undefined;
  /** All of them when left out. */
  readonly renew?: number;
}

const FEWEST_SURROGATES = 19;

/** In bits. Surrogates of which nothing can be shuffled are the signals themselves, up to this. */
const ROUNDING = 1e-9;

/** The bias of Φ goes as one by the number of samples: within this share of it, it is the same. */
const SAMPLES_SHARE = 0.05;
/** A shrinkage is estimated, and moves a little with every window. */
const SHRINKAGE_TOLERANCE = 0.01;

/**
 * Estimates Φ of standardised signals from one window, and compares it with the Φ of phase-shuffled surrogates, for which
 * the same is done: their partition is searched as well, so that the bias of a short window is in both. Signals that are held
 * between their values have surrogates that are held alike.
 *
 * With B surrogates the percentile is the ⌈0.95 (B + 1)⌉-th smallest of their Φ: to be above it is a one-sided rank test at
 * 5 %. At 0 or below there is no integration, and none that is significant. A singular covariance, of signals that are functions of each other or of a window with fewer pairs of instants than
 * variables, is shrunk; so are those of the surrogates, by as much at least.
 *
 * Shape: 2 to 64 signals of one length.
 * Errors: RangeError for another number of signals, and for fewer than 19 surrogates.
 * Source: Theiler et al., Physica D 58 (1992), for the rank test; the rest where it is done.
 */
export function estimatePhi(signals: readonly Float64Array[], options: PhiOptions): PhiEstimate {
  const { lag, surrogates, seed, method, renew = surrogates } = options;
  if (surrogates < FEWEST_SURROGATES)
    throw new RangeError(`expected at least ${FEWEST_SURROGATES} surrogates, got ${surrogates}`);
  const { covariance, shrinkage } = regularise(estimateLaggedCovariance(signals, lag), 0);
  const information = computeIntegratedInformation(covariance, method);
  const { normalisation } = information;
  const basis = { signals: signals.length, samples: signals[0]?.length ?? 0, shrinkage, normalisation };
  const isComparable = !options.earlierBasis || isSameBasis(options.earlierBasis, basis);
  const earlier = isComparable ? (options.earlier ?? []) : [];
  const random = createRandom(seed);
  const shufflers = signals.map((signal, place) => {
    const sampled = options.sampled?.[place];
    return (sampled && createHeldShuffler(sampled)) ?? createPhaseShuffler(signal);
  });
  const renewed = Math.min(surrogates, Math.max(renew, surrogates - earlier.length));
  const fresh = Array.from({ length: renewed }, () => {
    const shuffled = shufflers.map(({ shuffle }) => shuffle(random));
    const reference = regularise(estimateLaggedCovariance(shuffled, lag), shrinkage);
    return computeIntegratedInformation(reference.covariance, method).bits;
  });
  const references = [...earlier, ...fresh].slice(-surrogates);
  const surrogate95 = percentile95(references);
  return {
    ...information,
    lag,
    samples: basis.samples,
    shrinkage,
    surrogates,
    surrogate95,
    significant: information.bits > Math.max(0, surrogate95) + ROUNDING,
    ...{ references, renewed, basis: (isComparable && options.earlierBasis) || basis },
  };
}

/** The covariance of signals and their own past, positive definite: shrunk where it is not, and by an intensity at least. */
export function regularise(
  estimate: LaggedCovariance,
  atLeast: number,
): { readonly covariance: LaggedCovariance; readonly shrinkage: number } {
  const shrinkage = isRegular(estimate) ? atLeast : Math.max(atLeast, chooseShrinkage(estimate));
  return { covariance: shrink(estimate, shrinkage), shrinkage };
}

function isSameBasis(a: SurrogateBasis, b: SurrogateBasis): boolean {
  return (
    a.signals === b.signals &&
    a.normalisation === b.normalisation &&
    Math.abs(a.samples - b.samples) <= SAMPLES_SHARE * a.samples &&
    Math.abs(a.shrinkage - b.shrinkage) <= SHRINKAGE_TOLERANCE
  );
}

function percentile95(values: readonly number[]): number {
  const rank = Math.ceil(0.95 * (values.length + 1));
  return values.toSorted((a, b) => a - b)[rank - 1] ?? NaN;
}
