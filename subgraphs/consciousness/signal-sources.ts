import type { LiveBus } from '../../kernel/events/live-bus.js';
import type { WorkspaceId } from '../../kernel/identity/principal.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import type { GeneratorRunner, Oscillation } from './generator/generator-runner.js';
import { createLatestReadings } from './latest-readings.js';
import type { NodeModel } from './models.js';
import { READINGS_TOPIC } from './reading-message.js';
import type { Registry } from './registry.js';
import type { Signal } from './signal.js';
import { STATES_TOPIC } from './state-message.js';

/** A node whose signal has a fresh value. */
export interface Contribution {
  readonly index: number;
  readonly signal: Signal;
  readonly value: number;
  /** In radians, where the value came with its phase. */
  readonly phase?: number | undefined;
  /** Of the generator, or said to be so by its device. */
  readonly simulated: boolean;
}

/** What the nodes show at one instant. */
export interface Gathered {
  readonly contributions: readonly Contribution[];
  /** The signals that nodes were given, whether or not they have a fresh value. */
  readonly assigned: readonly Signal[];
  /** How far apart the values of the quickest signal are, in milliseconds; 0 for the generator's. */
  readonly quickestMs: number;
}

/** Where the signals of one network's nodes come from: readings, pushed states, the generator. */
export interface SignalSources {
  start(now: Date): Promise<void>;
  /** What the nodes show at an instant; undefined when another process runs the generator, and so samples the network. */
  gather(at: Date): Promise<Gathered | undefined>;
  /** When the newest state that was pushed to a node was true, in milliseconds since 1970; undefined when none is known. */
  newestStateAt(index: number): number | undefined;
  /** To be called when nodes were given other signals here; what other processes change is seen within a second. */
  refresh(): void;
  close(): void;
}

export interface SignalSourcesDeps {
  readonly workspace: WorkspaceId;
  readonly registry: Registry;
  readonly generator: GeneratorRunner;
  readonly bus: LiveBus;
  readonly logger: Logger;
  /** For how far apart the values of a signal are taken until it has shown better, in milliseconds. */
  readonly usualMs: number;
  /** A value that is older, in milliseconds, is not shown any more. */
  readonly staleMs: number;
}

/** For how long the nodes are not read again, in milliseconds. */
const FRESH_MS = 1_000;

/** The sources of a workspace. */
export function createSignalSources(deps: SignalSourcesDeps): SignalSources {
  const { workspace, registry, generator, bus, logger, usualMs, staleMs } = deps;
  const readings = createLatestReadings({ usualMs });
  const endings: (() => void)[] = [];
  let known: { readonly nodes: readonly NodeModel[]; readonly atMs: number } | undefined;
  let changes = 0;

  async function readNodes(at: Date): Promise<readonly NodeModel[]> {
    const atMs = at.getTime();
    if (known && atMs >= known.atMs && atMs - known.atMs < FRESH_MS) return known.nodes;
    const before = changes;
    const nodes = await registry.listNodes();
    // What changed meanwhile may not be in what was read.
    if (changes === before) known = { nodes, atMs };
    readings.follow(nodes.flatMap(({ signal }) => signal ?? []));
    return nodes;
  }

  async function listen(name: string, take: (messages: readonly unknown[]) => number): Promise<void> {
    const onMessages = (messages: readonly unknown[]) => {
      const malformed = take(messages);
      if (malformed > 0) logger.warn({ topic: name, malformed }, 'messages that are no values were skipped');
    };
    // Nothing needs to be made up for after a loss: the value before it is held until the next one.
    endings.push(await bus.listen({ workspace, name }, { onMessages, onLost: () => undefined }));
  }

  return {
    async start(now) {
      // Values that come before the first sample count as well.
      await readNodes(now);
      await listen(READINGS_TOPIC, (messages) => readings.take(messages));
      await listen(STATES_TOPIC, (messages) => readings.takeStates(messages));
    },
    async gather(at) {
      const nodes = await readNodes(at);
      const feed = await generator.read(at);
      if (feed.state === 'ELSEWHERE') return undefined;
      const made = feed.state === 'ON' ? feed.values : new Map<number, Oscillation>();
      const oldest = new Date(at.getTime() - staleMs);
      return {
        assigned: nodes.flatMap(({ signal }) => signal ?? []),
        contributions: nodes.flatMap(({ index, signal }): Contribution[] => {
          const generated = made.get(index);
          if (generated !== undefined)
            return [{ index, signal: { own: 'GENERATOR', index }, ...generated, simulated: true }];
          const value = signal && readings.read(signal, oldest);
          if (signal === undefined || value === undefined) return [];
          const phase = readings.phaseOf(signal);
          return [{ index, signal, value, phase, simulated: readings.isSimulated(signal) }];
        }),
        quickestMs: made.size > 0 ? 0 : readings.quickest(oldest),
      };
    },
    newestStateAt: (index) => readings.newestAt({ own: 'STATE', index }),
    refresh() {
      changes += 1;
      known = undefined;
      generator.refresh();
    },
    close() {
      for (const end of endings.splice(0)) end();
    },
  };
}
