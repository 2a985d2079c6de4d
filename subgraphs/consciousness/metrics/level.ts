/** The four numbers that a level is made of. */
export interface LevelTerms {
  /** Integrated information in bits; below 0 it counts as 0. */
  readonly phi: number;
  /** 0 to 1. */
  readonly coherence: number;
  /** 0 to 1. */
  readonly stability: number;
  /** 0 to 1. */
  readonly divergence: number;
}

/** One number for a network, and how it was made. */
export interface Level {
  /** 0 to 1. */
  readonly value: number;
  /** Changes whenever the formula or Φ₀ does: levels of different versions cannot be compared. */
  readonly levelVersion: number;
  /**
   * Whether its Φ is above that of signals without any relation. Where it is not, the value says little: short windows of pure noise
   * have some Φ, and R and S of a few signals are never near 0.
   */
  readonly significant: boolean;
  /** The integrated information at which its term reaches 1 − 1/e, in bits. */
  readonly phi0: number;
}

const VERSION = 1;
const PHI0_BITS = 1;

/**
 * The level of a network: the geometric mean of 1 − e^(−Φ/Φ₀), R, S and 1 − D. It is 0 as soon as one of them is. A
 * convention of ours to sort states of one network by, not a quantity of the literature; its terms stand next to it.
 */
export function computeLevel({
  phi,
  coherence,
  stability,
  divergence,
}: LevelTerms): Omit<Level, 'significant'> {
  const integration = -Math.expm1(-Math.max(0, phi) / PHI0_BITS);
  const product = integration * coherence * stability * (1 - divergence);
  return { value: Math.max(0, product) ** (1 / 4), levelVersion: VERSION, phi0: PHI0_BITS };
}
