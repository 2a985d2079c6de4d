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
  const { frequencyHz, spreadHz, noise, amplitudes, adaptive } = parameters;
  let { coupling } = parameters;
  const links = listLinks(graph);
  const meanSum = links.length === 0 ? 1 : links.reduce((sum, { weight }) => sum + weight, 0) / nodeCount;
  const speeds = Float64Array.from(
    { length: nodeCount },
    () => 2 * Math.PI * (frequencyHz + spreadHz * drawNormal(random)),
  );
  const phases = Float64Array.from({ length: nodeCount }, () => 2 * Math.PI * random());
  const radii = new Float64Array(nodeCount).fill(1);

  function step(): void {
    const turn = Float64Array.from(speeds);
    const growth = radii.map((radius) => (amplitudes ? (1 - radius * radius) * radius : 0));
    for (const link of links) {
      const { from, to, weight } = link;
      const difference = (phases[from] ?? 0) - (phases[to] ?? 0);
      const strength = (coupling * link.gain * weight) / meanSum;
      const ratio = amplitudes ? (radii[from] ?? 1) / Math.max(1e-6, radii[to] ?? 1) : 1;
      turn[to] = (turn[to] ?? 0) + strength * ratio * Math.sin(difference);
      if (amplitudes) {
        const pull = (radii[from] ?? 1) * Math.cos(difference) - (radii[to] ?? 1);
        growth[to] = (growth[to] ?? 0) + strength * pull;
      }
      if (adaptive) link.gain += STEP_S * ADAPTATION_RATE * (Math.cos(difference) - link.gain);
    }
    const shake = noise * Math.sqrt(STEP_S);
    for (let node = 0; node < nodeCount; node += 1) {
      const jitter = noise > 0 ? shake * drawNormal(random) : 0;
      phases[node] = ((phases[node] ?? 0) + STEP_S * (turn[node] ?? 0) + jitter) % (2 * Math.PI);
      radii[node] = Math.min(10, Math.max(0, (radii[node] ?? 1) + STEP_S * (growth[node] ?? 0)));
    }
  }

  let owedMs = 0;
  return {
    advance(ms) {
      owedMs += ms;
      for (; owedMs >= 1_000 * STEP_S; owedMs -= 1_000 * STEP_S) step();
    },
    read: () => phases.map((phase, node) => (radii[node] ?? 1) * Math.cos(phase)),
    phases: () => Float64Array.from(phases),
    setCoupling(next) {
      coupling = next;
    },
  };
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
