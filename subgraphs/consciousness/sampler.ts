import type { LiveBus } from '../../kernel/events/live-bus.js';
import type { WorkspaceId } from '../../kernel/identity/principal.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import { measureNetworkCoherence } from './coherence/network-coherence.js';
import type { ConsciousnessSettings } from './config.js';
import type { GeneratorRunner } from './generator/generator-runner.js';
import { createLatestReadings } from './latest-readings.js';
import type { NodeModel } from './models.js';
import { READINGS_TOPIC } from './reading-message.js';
import type { Registry } from './registry.js';
import {
  SAMPLES_TOPIC,
  signalOfMeasurement,
  toSampleMessage,
  type NewSample,
  type Sample,
} from './samples/sample.js';
import type { SampleStorage } from './samples/sample-storage.js';
import { createSignalWindows, type SignalWindows } from './samples/signal-windows.js';
import { createSamplingPace } from './sampling-pace.js';
import { isDeviceSignal, sourceOf, type Signal } from './signal.js';
import { STATES_TOPIC } from './state-message.js';

/** Samples the network of one workspace. */
export interface Sampler {
  /** Takes the windows up where the stored samples left them, and begins to listen for readings. */
  start(now: Date): Promise<void>;
  /** Milliseconds from one sample to the next, now. */
  periodMs(): number;
  /**
   * Takes, stores and announces the sample of one instant. Undefined at an instant that is no whole multiple of the period,
   * while no node has a fresh signal, and when another process has taken the sample of that instant.
   */
  sample(at: Date): Promise<Sample | undefined>;
  /** The windows of the nodes of the newest sample, oldest value first, their lengths as they are. */
  readWindows(): readonly { readonly index: number; readonly values: Float64Array }[];
  /** To be called when nodes were given other signals here; what other processes change is seen within a second. */
  refresh(): void;
  close(): Promise<void>;
}

export interface SamplerDeps {
  readonly workspace: WorkspaceId;
  readonly registry: Registry;
  readonly storage: SampleStorage;
  readonly generator: GeneratorRunner;
  readonly bus: LiveBus;
  readonly logger: Logger;
  readonly settings: ConsciousnessSettings;
}

/** A node whose signal has a fresh value. */
interface Contribution {
  readonly index: number;
  readonly signal: Signal;
  readonly value: number;
}

/** For how long the nodes are not read again, in milliseconds. */
const NODES_FRESH_MS = 1_000;

/** The sampler of a workspace. Its windows live in memory and are rebuilt from the stored samples at each start. */
export function createSampler(deps: SamplerDeps): Sampler {
  const { workspace, registry, storage, generator, bus, logger, settings } = deps;
  const { samplePeriodMs, windowSamples, metricsSamples } = settings;
  const minimumSamples = Math.min(settings.minimumSamples, windowSamples);
  const staleMs = settings.stalePeriods * samplePeriodMs;
  const readings = createLatestReadings({ usualMs: samplePeriodMs });
  const pace = createSamplingPace(settings);
  let windows = openWindows();
  let members: readonly Contribution[] = [];
  let known: { readonly nodes: readonly NodeModel[]; readonly atMs: number } | undefined;
  const endings: (() => void)[] = [];

  /** Values of another pace are no part of the same window. */
  function openWindows(): SignalWindows {
    return createSignalWindows({
      capacity: Math.max(windowSamples, metricsSamples),
      longestHold: Math.round(staleMs / pace.periodMs()),
    });
  }

  async function readNodes(at: Date): Promise<readonly NodeModel[]> {
    const atMs = at.getTime();
    if (known && atMs >= known.atMs && atMs - known.atMs < NODES_FRESH_MS) return known.nodes;
    const nodes = await registry.listNodes();
    known = { nodes, atMs };
    readings.follow(nodes.flatMap(({ signal }) => signal ?? []));
    return nodes;
  }

  function contribute(
    nodes: readonly NodeModel[],
    { at, generated }: { readonly at: Date; readonly generated: ReadonlyMap<number, number> },
  ): Contribution[] {
    const oldest = new Date(at.getTime() - staleMs);
    return nodes.flatMap(({ index, signal: assigned }): Contribution[] => {
      const made = generated.get(index);
      if (made !== undefined) return [{ index, signal: { own: 'GENERATOR', index }, value: made }];
      const value = assigned && readings.read(assigned, oldest);
      return assigned === undefined || value === undefined ? [] : [{ index, signal: assigned, value }];
    });
  }

  function pushAll(contributions: readonly Contribution[], at: Date): void {
    const tick = Math.round(at.getTime() / pace.periodMs());
    for (const { signal, value } of contributions) windows.push(signal, { tick, value });
    // A signal that pauses keeps its window; one that no node has any more does not.
    const assigned = (known?.nodes ?? []).flatMap(({ signal }) => signal ?? []);
    windows.retain([...assigned, ...contributions.map(({ signal }) => signal)]);
  }

  function measure(contributions: readonly Contribution[], at: Date): NewSample {
    const measured = measureNetworkCoherence(
      contributions.map(({ signal }) => windows.read(signal).slice(-windowSamples)),
      { minimumSamples },
    );
    return {
      sampledAt: at,
      coherence: measured.coherence,
      windowMs: windowSamples * pace.periodMs(),
      nodes: contributions.map(({ index, signal, value }, place) => ({
        index,
        ...describeSignal(signal),
        value,
        ...(measured.signals[place] ?? { phase: null, coherence: null }),
      })),
    };
  }

  /** Fills the windows with what the samples say of the signals that nodes have now. */
  async function restore(now: Date): Promise<void> {
    const nodes = await readNodes(now);
    const limit = Math.max(windowSamples, metricsSamples);
    const after = new Date(now.getTime() - limit * samplePeriodMs);
    for (const sample of await storage.readBetween({ after, upTo: now, limit })) {
      if (sample.windowMs !== windowSamples * samplePeriodMs) continue;
      const tick = Math.round(sample.sampledAt.getTime() / samplePeriodMs);
      for (const node of sample.nodes) windows.push(signalOfMeasurement(node), { tick, value: node.value });
    }
    windows.retain(nodes.flatMap(({ signal }) => signal ?? []));
  }

  function warn(topic: string, malformed: number): void {
    if (malformed > 0) logger.warn({ topic, malformed }, 'messages that are no values were skipped');
  }

  return {
    async start(now) {
      await restore(now);
      // Nothing needs to be made up for after a loss: the value before it is held until the next one.
      const onLost = () => undefined;
      const topics = [
        { name: READINGS_TOPIC, take: (messages: readonly unknown[]) => readings.take(messages) },
        { name: STATES_TOPIC, take: (messages: readonly unknown[]) => readings.takeStates(messages) },
      ];
      for (const { name, take } of topics) {
        const onMessages = (messages: readonly unknown[]) => {
          warn(name, take(messages));
        };
        endings.push(await bus.listen({ workspace, name }, { onMessages, onLost }));
      }
    },
    periodMs: () => pace.periodMs(),
    async sample(at) {
      const nodes = await readNodes(at);
      const generated = await generator.read(at);
      if (generated.state === 'ELSEWHERE') return undefined;
      const values = generated.state === 'ON' ? generated.values : new Map<number, number>();
      const quickestMs = values.size > 0 ? 0 : readings.quickest(new Date(at.getTime() - staleMs));
      if (pace.adjust(quickestMs)) windows = openWindows();
      if (at.getTime() % pace.periodMs() !== 0) return undefined;
      const contributions = contribute(nodes, { at, generated: values });
      if (contributions.length === 0) return undefined;
      pushAll(contributions, at);
      const stored = await storage.insert(measure(contributions, at));
      if (!stored) return undefined;
      members = contributions;
      await bus.publish({ workspace, name: SAMPLES_TOPIC }, [toSampleMessage(stored)]);
      return stored.sample;
    },
    readWindows: () =>
      members.map(({ index, signal }) => ({ index, values: windows.read(signal).slice(-metricsSamples) })),
    refresh() {
      known = undefined;
      generator.refresh();
    },
    close() {
      for (const end of endings.splice(0)) end();
      return Promise.resolve();
    },
  };
}

/** A signal as a sample tells it. */
function describeSignal(signal: Signal) {
  if (isDeviceSignal(signal)) return { deviceId: signal.deviceId, metric: signal.metric };
  const metric = signal.own === 'STATE' ? 'state' : 'generated';
  return { deviceId: null, metric, source: sourceOf(signal) };
}
