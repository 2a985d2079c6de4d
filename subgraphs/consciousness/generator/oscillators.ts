import { listNeighbours, type NetworkGraph } from '../graph/network-graph.js';
import type { GeneratorParameters } from './generator-parameters.js';

/** Coupled oscillators that go on with time. */
export interface Oscillators {
  /** Goes on by so many milliseconds. */
  advance(ms: number): void;
  /** The real part of each oscillation now, by index. */
  read(): Float64Array;
  /** Radians, by index. */
  phases(): Float64Array;
  /** K, in radians a second, from now on. */
  setCoupling(coupling: number): void;
}

export interface OscillatorOptions {
  readonly graph: Pick<NetworkGraph, 'nodeCount' | 'edges'>;
  readonly parameters: Pick<
    GeneratorParameters,
    'coupling' | 'frequencyHz' | 'spreadHz' | 'noise' | 'amplitudes' | 'adaptive'
  >;
  /** Numbers from 0 to 1: the same give the same oscillations. */
  readonly random: () => number;
}

/** Seconds of one step of the integration. */
const STEP_S = 0.005;

/** How fast couplings adapt, a second. */
const ADAPTATION_RATE = 0.2;

/**
 * Kuramoto's oscillators on a graph: dθᵢ/dt = ωᵢ + (K/w̄) Σⱼ κᵢⱼ wᵢⱼ sin(θⱼ − θᵢ) + noise, where w̄ is the mean of the nodes' sums of
 * weights, so that K means much the same on every graph. Frequencies are normally distributed, phases begin anywhere.
 *
 * With amplitudes, Stuart–Landau: dz/dt = (1 − |z|² + iω) z + (K/w̄) Σ κ w (zⱼ − zᵢ). Adaptive, each edge's κ moves towards the
 * cosine of the phase difference of its ends: dκ/dt = ε (cos(θⱼ − θᵢ) − κ), from 1 on; else it stays 1.
 *
 * Integrated by Euler and Maruyama in steps of 5 ms, against natural periods of half a second and more.
 * Source: Kuramoto (1984), §5.4; Acebrón, Bonilla, Pérez Vicente, Ritort, Spigler, The Kuramoto model, Rev. Mod. Phys. 77 (2005)
 * 137, §II and §VI; Seliger, Young, Tsimring, Plasticity and learning in a network of coupled phase oscillators, Phys. Rev. E 65
 * (2002) 041906; Kloeden and Platen, Numerical Solution of Stochastic Differential Equations (1992), §10.2.
 */
export function createOscillators({ graph, parameters, random }: OscillatorOptions): Oscillators {
  const { nodeCount } = graph;
  const { frequencyHz, spreadHz } = parameters;
  const links = listLinks(graph);
  const meanSum = links.length === 0 ? 1 : links.reduce((sum, { weight }) => sum + weight, 0) / nodeCount;
  const speeds = Float64Array.from(
    { length: nodeCount },
    () => 2 * Math.PI * (frequencyHz + spreadHz * drawNormal(random)),
  );
  const state: State = {
    phases: Float64Array.from({ length: nodeCount }, () => 2 * Math.PI * random()),
    radii: new Float64Array(nodeCount).fill(1),
  };
  let { coupling } = parameters;

  function step(): void {
    const turn = Float64Array.from(speeds);
    const growth = state.radii.map((radius) => (parameters.amplitudes ? (1 - radius * radius) * radius : 0));
    for (const link of links) {
      const strength = (coupling * link.gain * link.weight) / meanSum;
      const pull = pullAlong(link, state, parameters.amplitudes);
      turn[link.to] = (turn[link.to] ?? 0) + strength * pull.turn;
      growth[link.to] = (growth[link.to] ?? 0) + strength * pull.growth;
      if (parameters.adaptive) link.gain += STEP_S * ADAPTATION_RATE * (pull.agreement - link.gain);
    }
    const shake = parameters.noise * Math.sqrt(STEP_S);
    for (let node = 0; node < nodeCount; node += 1) {
      const jitter = shake > 0 ? shake * drawNormal(random) : 0;
      state.phases[node] = (at(state.phases, node) + STEP_S * at(turn, node) + jitter) % (2 * Math.PI);
      state.radii[node] = Math.min(10, Math.max(0, at(state.radii, node) + STEP_S * at(growth, node)));
    }
  }

  let owedMs = 0;
  return {
    advance(ms) {
      owedMs += ms;
      for (; owedMs >= 1_000 * STEP_S; owedMs -= 1_000 * STEP_S) step();
    },
    read: () => state.phases.map((phase, node) => at(state.radii, node) * Math.cos(phase)),
    phases: () => Float64Array.from(state.phases),
    setCoupling(next) {
      coupling = next;
    },
  };
}

interface State {
  readonly phases: Float64Array;
  readonly radii: Float64Array;
}

/** How one oscillator pulls at another: at its phase and at its amplitude, and how far they agree, −1 to 1. */
function pullAlong(
  { from, to }: Link,
  { phases, radii }: State,
  amplitudes: boolean,
): { readonly turn: number; readonly growth: number; readonly agreement: number } {
  const difference = at(phases, from) - at(phases, to);
  const agreement = Math.cos(difference);
  if (!amplitudes) return { turn: Math.sin(difference), growth: 0, agreement };
  const ratio = at(radii, from) / Math.max(1e-6, at(radii, to));
  return {
    turn: ratio * Math.sin(difference),
    growth: at(radii, from) * agreement - at(radii, to),
    agreement,
  };
}

function at(values: Float64Array, node: number): number {
  return values[node] ?? 0;
}

interface Link {
  readonly from: number;
  readonly to: number;
  readonly weight: number;
  /** κ: how far the link has adapted. */
  gain: number;
}

/** Every edge twice, once for each of its ends. */
function listLinks(graph: OscillatorOptions['graph']): Link[] {
  return listNeighbours(graph).flatMap((neighbours, to) =>
    neighbours.map(({ index: from, weight }) => ({ from, to, weight, gain: 1 })),
  );
}

/** A normally distributed number of mean 0 and deviation 1. Source: Box and Muller, Ann. Math. Stat. 29 (1958). */
function drawNormal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
