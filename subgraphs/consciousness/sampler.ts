import type { LiveBus } from '../../kernel/events/live-bus.js';
import type { WorkspaceId } from '../../kernel/identity/principal.js';
import { measureNetworkCoherence } from './coherence/network-coherence.js';
import type { ConsciousnessSettings } from './config.js';
import {
  SAMPLES_TOPIC,
  signalOfMeasurement,
  toSampleMessage,
  type NewSample,
  type Sample,
} from './samples/sample.js';
import type { SampleStorage } from './samples/sample-storage.js';
import {
  createSignalWindows,
  cutToNewest,
  findGivenPhases,
  type SignalWindows,
} from './samples/signal-windows.js';
import type { NodeWindow } from './metrics/signal-history.js';
import { createSamplingPace } from './sampling-pace.js';
import { isDeviceSignal, sourceOf, type Signal } from './signal.js';
import type { Contribution, Gathered, SignalSources } from './signal-sources.js';

/** Samples the network of one workspace. */
export interface Sampler {
  /** Takes the windows up where the stored samples left them, and begins to listen for readings. */
  start(now: Date): Promise<void>;
  /** Milliseconds from one sample to the next, now. */
  periodMs(): number;
  /**
   * Takes, stores and announces the sample of one instant. Undefined at an instant that is no whole multiple of the period,
   * while no node has a fresh signal and nobody waits for a sample without any, and when another process has taken the sample
   * of that instant.
   */
  sample(at: Date): Promise<Sample | undefined>;
  /** The windows of the nodes of the newest sample, oldest value first, their lengths as they are. */
  readWindows(): readonly NodeWindow[];
  close(): Promise<void>;
}

export interface SamplerDeps {
  readonly workspace: WorkspaceId;
  readonly sources: SignalSources;
  readonly storage: SampleStorage;
  readonly bus: LiveBus;
  readonly settings: ConsciousnessSettings;
  /** Whether a sample is wanted even though no node has a fresh signal: one without nodes. */
  readonly isAwaited: (at: Date) => Promise<boolean>;
}

/** The sampler of a workspace. Its windows live in memory and are rebuilt from the stored samples at each start. */
export function createSampler(deps: SamplerDeps): Sampler {
  const { workspace, sources, storage, bus, settings, isAwaited } = deps;
  const { samplePeriodMs, windowSamples, metricsSamples } = settings;
  const capacity = Math.max(windowSamples, metricsSamples);
  const pace = createSamplingPace(settings);
  let windows = openWindows();
  let members: readonly Contribution[] = [];

  /** Values of another pace are no part of the same window. */
  function openWindows(): SignalWindows {
    const staleMs = settings.stalePeriods * samplePeriodMs;
    return createSignalWindows({ capacity, longestHold: Math.round(staleMs / pace.periodMs()) });
  }

  function pushAll({ contributions, assigned }: Gathered, at: Date): void {
    const tick = Math.round(at.getTime() / pace.periodMs());
    for (const { signal, value, phase } of contributions) windows.push(signal, { tick, value, phase });
    // A signal that pauses keeps its window; one that no node has any more does not.
    windows.retain([...assigned, ...contributions.map(({ signal }) => signal)]);
  }

  function measure(contributions: readonly Contribution[], at: Date): NewSample {
    const shown = contributions.map(({ signal }) => cutToNewest(windows.read(signal), windowSamples));
    const phases = shown.map(findGivenPhases);
    const measured = measureNetworkCoherence(
      shown.map(({ values }) => values),
      { minimumSamples: Math.min(settings.minimumSamples, windowSamples), phases },
    );
    return {
      sampledAt: at,
      coherence: measured.coherence,
      windowMs: windowSamples * pace.periodMs(),
      nodes: contributions.map(({ index, signal, value, phase, simulated }, place) => ({
        index,
        ...describeSignal(signal),
        ...(simulated ? { simulated } : {}),
        value,
        ...(phase === undefined ? {} : { givenPhase: phase }),
        ...(phases[place] ? { phaseGiven: true } : {}),
        ...(measured.signals[place] ?? { phase: null, coherence: null }),
      })),
    };
  }

  /** Fills the windows with what the samples say; those of signals that no node has any more go with the next sample. */
  async function restore(now: Date): Promise<void> {
    const after = new Date(now.getTime() - capacity * samplePeriodMs);
    for (const sample of await storage.readBetween({ after, upTo: now, limit: capacity })) {
      if (sample.windowMs !== windowSamples * samplePeriodMs) continue;
      const tick = Math.round(sample.sampledAt.getTime() / samplePeriodMs);
      for (const node of sample.nodes) {
        windows.push(signalOfMeasurement(node), { tick, value: node.value, phase: node.givenPhase });
      }
    }
  }

  return {
    async start(now) {
      await restore(now);
      await sources.start(now);
    },
    periodMs: () => pace.periodMs(),
    async sample(at) {
      const gathered = await sources.gather(at);
      if (!gathered) return undefined;
      if (pace.adjust(gathered.quickestMs)) windows = openWindows();
      if (at.getTime() % pace.periodMs() !== 0) return undefined;
      if (gathered.contributions.length === 0 && !(await isAwaited(at))) return undefined;
      pushAll(gathered, at);
      const stored = await storage.insert(measure(gathered.contributions, at));
      if (!stored) return undefined;
      members = gathered.contributions;
      await bus.publish({ workspace, name: SAMPLES_TOPIC }, [toSampleMessage(stored)]);
      return stored.sample;
    },
    readWindows: () =>
      members.map(({ index, signal }) => ({ index, ...cutToNewest(windows.read(signal), metricsSamples) })),
    close() {
      sources.close();
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
