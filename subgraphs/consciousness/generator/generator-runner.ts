import { wrapAngle } from '../coherence/wrap-angle.js';
import type { NetworkGraph } from '../graph/network-graph.js';
import { createRandom } from '../metrics/random.js';
import type { GeneratorRow, GeneratorStorage } from '../storage/generator-storage.js';
import { createOscillators, type Oscillators } from './oscillators.js';

/** What the generator gives the network at one instant. */
export type Generated =
  | { readonly state: 'OFF' }
  /** Another process feeds the network: this one leaves the instant to it. */
  | { readonly state: 'ELSEWHERE' }
  /** By the index of the node that has it. */
  | { readonly state: 'ON'; readonly values: ReadonlyMap<number, Oscillation> };

/** An oscillator at one instant. */
export interface Oscillation {
  readonly value: number;
  /** In radians, above −π to π: the generator knows the phases of its oscillators, and so gives them. */
  readonly phase: number;
}

/** Runs the generator of one workspace in this process. */
export interface GeneratorRunner {
  /** Goes on to an instant, and tells the values then. */
  read(at: Date): Promise<Generated>;
  /** To be called when the generator was changed here; what other processes change is seen within a second. */
  refresh(): void;
}

export interface GeneratorRunnerDeps {
  readonly storage: GeneratorStorage;
  readonly graph: NetworkGraph;
  /** Names this process. */
  readonly holder: string;
  /** Told when its time is up. */
  readonly onExpired: () => Promise<void>;
}

/** For how long the storage is not asked again, in milliseconds. */
const FRESH_MS = 1_000;
/** For how long the right to run it is taken, in milliseconds. */
const HOLD_MS = 5_000;
/** After a longer pause than this, in milliseconds, the oscillators do not make up for it. */
const LONGEST_PAUSE_MS = 2_000;

/** A generator that begins anew with each start, and with each start of the process that runs it. */
export function createGeneratorRunner(deps: GeneratorRunnerDeps): GeneratorRunner {
  const { storage, graph, holder, onExpired } = deps;
  let known: { readonly row: GeneratorRow; readonly atMs: number; readonly held: boolean } | undefined;
  let changes = 0;
  let running: { readonly key: string; readonly oscillators: Oscillators; atMs: number } | undefined;

  async function look(at: Date): Promise<{ readonly row: GeneratorRow; readonly held: boolean }> {
    const atMs = at.getTime();
    if (known && atMs >= known.atMs && atMs - known.atMs < FRESH_MS) return known;
    const before = changes;
    const row = await storage.read();
    const held = row.running && (await storage.hold(holder, { now: at, until: new Date(atMs + HOLD_MS) }));
    // What changed meanwhile may not be in what was read.
    if (changes === before) known = { row, atMs, held };
    return { row, held };
  }

  function resume({ startedAt, parameters }: GeneratorRow, atMs: number): Oscillators {
    const { coupling: _coupling, minutes: _minutes, ...shape } = parameters;
    const key = JSON.stringify([startedAt, shape]);
    if (running?.key !== key) {
      const random = createRandom(parameters.seed);
      running = { key, atMs, oscillators: createOscillators({ graph, parameters, random }) };
    }
    running.oscillators.setCoupling(parameters.coupling);
    running.oscillators.advance(Math.min(LONGEST_PAUSE_MS, Math.max(0, atMs - running.atMs)));
    running.atMs = atMs;
    return running.oscillators;
  }

  return {
    async read(at) {
      const { row, held } = await look(at);
      if (!row.running) {
        running = undefined;
        return { state: 'OFF' };
      }
      if (row.stopsAt && row.stopsAt <= at) {
        known = undefined;
        running = undefined;
        if (held) await onExpired();
        return { state: 'OFF' };
      }
      if (!held) return { state: 'ELSEWHERE' };
      const oscillators = resume(row, at.getTime());
      const [signals, phases] = [oscillators.read(), oscillators.phases()];
      const { nodes } = row.parameters;
      const fed = nodes.length > 0 ? nodes : [...signals.keys()];
      const read = (index: number) => ({
        value: signals[index] ?? 0,
        phase: wrapAngle(phases[index] ?? 0),
      });
      return { state: 'ON', values: new Map(fed.map((index) => [index, read(index)])) };
    },
    refresh() {
      changes += 1;
      known = undefined;
    },
  };
}
