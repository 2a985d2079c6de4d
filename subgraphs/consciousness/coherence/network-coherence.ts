import { createFourierTransform, type FourierTransform } from './fourier-transform.js';
import { findPhasors, toPhasors, type Phasors } from './phasors.js';

/** How a network of signals moves together over a window. */
export interface NetworkCoherence {
  /** The order parameter averaged over the window, 0 to 1; null with fewer than two signals that have a phase. */
  readonly coherence: number | null;
  /** One for each window, in their order. */
  readonly signals: readonly SignalCoherence[];
}

/** How one signal moves with the others. */
export interface SignalCoherence {
  /** Radians, above −π to π, at the newest trusted instant; null when it cannot be told. */
  readonly phase: number | null;
  /** How closely the signal keeps to the mean field, 0 to 1; null when it cannot be told. */
  readonly coherence: number | null;
}

export interface NetworkCoherenceOptions {
  /** A shorter window has no phase. */
  readonly minimumSamples: number;
  /** Phases that are known, in radians, one array for each window and as long; undefined where they are not. None by default. */
  readonly phases?: readonly (Float64Array | undefined)[];
}

/** A window's ends carry what the transform makes up where the signal does not join itself: an eighth of it each. */
const UNTRUSTED_SHARE = 1 / 8;

/** A mean field shorter than this is rounding: it has no phase. */
const NO_FIELD = 1e-9;

const NO_PHASE: SignalCoherence = { phase: null, coherence: null };

/**
 * Measures how a network's signals move together: the Kuramoto order parameter R(t) = |1/N Σ e^{iθⱼ(t)}| averaged over the
 * trusted instants, and for each signal |mean e^{i(θⱼ(t) − ψ(t))}|, its phase locking to the mean field's phase ψ.
 *
 * The phases θ are those that are given, and otherwise those of the analytic signals of the detrended windows. Instants in the
 * outer eighth of a signal's own window, and in the newest eighth of the longest window, are not trusted and count for
 * nothing, unless all phases are given; so all phases that are told are of one instant. The order parameter of an instant is taken over the signals that are trusted then, when they
 * are at least two; an instant at which the field vanishes has no ψ and is left out of the signals' own coherence.
 *
 * Independent signals do not give 0: with N of them R is about √(π / 4N), 0.25 for 13.
 *
 * Shape: one window of equally spaced values for each signal, oldest first, all ending now; lengths may differ.
 * Source: Kuramoto, Chemical Oscillations, Waves, and Turbulence (1984), §5.4; Strogatz, From Kuramoto to Crawford,
 * Physica D 143 (2000), eq. 1; Lachaux, Rodriguez, Martinerie, Varela, Measuring phase synchrony in brain signals, Human
 * Brain Mapping 8 (1999), for the locking of one signal.
 */
export function measureNetworkCoherence(
  windows: readonly Float64Array[],
  { minimumSamples, phases = [] }: NetworkCoherenceOptions,
): NetworkCoherence {
  const longest = windows.reduce((most, { length }) => Math.max(most, length), 0);
  const untrusted = windows.every((_window, place) => phases[place]) ? 0 : UNTRUSTED_SHARE;
  const newest = Math.floor(longest * untrusted);
  const transforms = new Map<number, FourierTransform>();
  const tracks = windows.map((window, place): PhaseTrack | undefined => {
    const oldest = window.length - 1 - Math.floor(window.length * untrusted);
    if (window.length < minimumSamples || oldest < newest) return undefined;
    const given = phases[place];
    if (given) return { phasors: toPhasors(given), length: window.length, oldest };
    const transform = transforms.get(window.length) ?? createFourierTransform(window.length);
    transforms.set(window.length, transform);
    const phasors = findPhasors(window, transform);
    return phasors && { phasors, length: window.length, oldest };
  });
  const field = sumField(tracks, { newest, longest });
  return {
    coherence: averageOrder(field),
    signals: tracks.map((track) => (track ? measureSignal(track, field, newest) : NO_PHASE)),
  };
}

/** A signal's phasors and how far back from now, in samples, they are trusted. */
interface PhaseTrack {
  readonly phasors: Phasors;
  readonly length: number;
  readonly oldest: number;
}

/** The mean field; the index is the age of an instant in samples, 0 is now. */
interface Field {
  readonly cosines: Float64Array;
  readonly sines: Float64Array;
  readonly members: Uint16Array;
}

interface Phasor {
  readonly cosine: number;
  readonly sine: number;
}

/** The phasor of a signal so many samples ago; undefined where it has none. */
function phasorAt({ phasors, length }: PhaseTrack, age: number): Phasor | undefined {
  const cosine = phasors.cosines[length - 1 - age] ?? 0;
  const sine = phasors.sines[length - 1 - age] ?? 0;
  return cosine === 0 && sine === 0 ? undefined : { cosine, sine };
}

function sumField(
  tracks: readonly (PhaseTrack | undefined)[],
  { newest, longest }: { newest: number; longest: number },
): Field {
  const field: Field = {
    cosines: new Float64Array(longest),
    sines: new Float64Array(longest),
    members: new Uint16Array(longest),
  };
  for (const track of tracks) {
    if (!track) continue;
    for (let age = newest; age <= track.oldest; age += 1) {
      const phasor = phasorAt(track, age);
      if (!phasor) continue;
      field.cosines[age] = (field.cosines[age] ?? 0) + phasor.cosine;
      field.sines[age] = (field.sines[age] ?? 0) + phasor.sine;
      field.members[age] = (field.members[age] ?? 0) + 1;
    }
  }
  return field;
}

/** Length of the mean field at an instant: R(t); undefined when fewer than two signals are trusted then. */
function orderAt({ cosines, sines, members }: Field, age: number): number | undefined {
  const count = members[age] ?? 0;
  return count < 2 ? undefined : Math.hypot(cosines[age] ?? 0, sines[age] ?? 0) / count;
}

function averageOrder(field: Field): number | null {
  let sum = 0;
  let instants = 0;
  for (let age = 0; age < field.members.length; age += 1) {
    const order = orderAt(field, age);
    if (order === undefined) continue;
    sum += order;
    instants += 1;
  }
  return instants === 0 ? null : Math.min(1, sum / instants);
}

function measureSignal(track: PhaseTrack, field: Field, newest: number): SignalCoherence {
  let cosines = 0;
  let sines = 0;
  let instants = 0;
  for (let age = newest; age <= track.oldest; age += 1) {
    const phasor = phasorAt(track, age);
    const order = orderAt(field, age);
    if (!phasor || order === undefined || order < NO_FIELD) continue;
    // e^{iθ} times the conjugate of the field's direction e^{iψ}.
    const length = order * (field.members[age] ?? 1);
    const cosine = (field.cosines[age] ?? 0) / length;
    const sine = (field.sines[age] ?? 0) / length;
    cosines += phasor.cosine * cosine + phasor.sine * sine;
    sines += phasor.sine * cosine - phasor.cosine * sine;
    instants += 1;
  }
  return {
    phase: phaseOf(phasorAt(track, newest)),
    coherence: instants === 0 ? null : Math.min(1, Math.hypot(cosines, sines) / instants),
  };
}

/** The angle of a phasor, above −π to π. */
function phaseOf(phasor: Phasor | undefined): number | null {
  if (!phasor) return null;
  const angle = Math.atan2(phasor.sine, phasor.cosine);
  return angle <= -Math.PI ? Math.PI : angle;
}
