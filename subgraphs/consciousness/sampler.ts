import type { LiveBus } from '../../kernel/events/live-bus.js';
import type { WorkspaceId } from '../../kernel/identity/principal.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import { measureNetworkCoherence } from './coherence/network-coherence.js';
import type { ConsciousnessSettings } from './config.js';
import { createLatestReadings } from './latest-readings.js';
import type { NodeModel } from './models.js';
import { READINGS_TOPIC } from './reading-message.js';
import type { Registry } from './registry.js';
import { SAMPLES_TOPIC, toSampleMessage, type NewSample, type Sample } from './samples/sample.js';
import type { SampleStorage } from './samples/sample-storage.js';
import { createSignalWindows } from './samples/signal-windows.js';
import type { Signal } from './signal.js';

/** Samples the network of one workspace. */
export interface Sampler {
  /** Takes the windows up where the stored samples left them, and begins to listen for readings. */
  start(now: Date): Promise<void>;
  /**
   * Takes, stores and announces the sample of one instant, a whole multiple of the sample period. Undefined while no node
   * has a fresh signal, and when another process has taken the sample of that instant.
   */
  sample(at: Date): Promise<Sample | undefined>;
  close(): Promise<void>;
}

export interface SamplerDeps {
  readonly workspace: WorkspaceId;
  readonly registry: Registry;
  readonly storage: SampleStorage;
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

/** The sampler of a workspace. Its windows live in memory and are rebuilt from the stored samples at each start. */
export function createSampler({ workspace, registry, storage, bus, logger, settings }: SamplerDeps): Sampler {
  const { samplePeriodMs, windowSamples, stalePeriods } = settings;
  const minimumSamples = Math.min(settings.minimumSamples, windowSamples);
  const readings = createLatestReadings();
  const windows = createSignalWindows({ capacity: windowSamples, longestHold: stalePeriods });
  let stopListening: (() => void) | undefined;

  /** Reads the assignments anew each time: another process may have changed them. */
  async function readNodes(): Promise<readonly NodeModel[]> {
    const nodes = await registry.listNodes();
    const signals = nodes.flatMap(({ signal }) => signal ?? []);
    readings.follow(signals);
    windows.retain(signals);
    return nodes;
  }

  function contribute(nodes: readonly NodeModel[], at: Date): Contribution[] {
    const oldest = new Date(at.getTime() - stalePeriods * samplePeriodMs);
    return nodes.flatMap(({ index, signal }) => {
      const value = signal && readings.read(signal, oldest);
      return signal === undefined || value === undefined ? [] : [{ index, signal, value }];
    });
  }

  function pushAll(contributions: readonly Contribution[], at: Date): void {
    const tick = Math.round(at.getTime() / samplePeriodMs);
    for (const { signal, value } of contributions) windows.push(signal, { tick, value });
  }

  function measure(contributions: readonly Contribution[], at: Date): NewSample {
    const measured = measureNetworkCoherence(
      contributions.map(({ signal }) => windows.read(signal)),
      { minimumSamples },
    );
    return {
      sampledAt: at,
      coherence: measured.coherence,
      windowMs: windowSamples * samplePeriodMs,
      nodes: contributions.map(({ index, signal, value }, place) => ({
        index,
        ...signal,
        value,
        ...(measured.signals[place] ?? { phase: null, coherence: null }),
      })),
    };
  }

  /** Fills the windows with what the samples say of the signals that nodes have now. */
  async function restore(nodes: readonly NodeModel[], now: Date): Promise<void> {
    const after = new Date(now.getTime() - windowSamples * samplePeriodMs);
    for (const sample of await storage.readBetween({ after, upTo: now, limit: windowSamples })) {
      const contributions = sample.nodes.map(({ index, deviceId, metric, value }) => ({
        index,
        signal: { deviceId, metric },
        value,
      }));
      pushAll(contributions, sample.sampledAt);
    }
    windows.retain(nodes.flatMap(({ signal }) => signal ?? []));
  }

  function onMessages(messages: readonly unknown[]): void {
    const malformed = readings.take(messages);
    if (malformed > 0)
      logger.warn({ topic: READINGS_TOPIC, malformed }, 'messages that are no readings were skipped');
  }

  return {
    async start(now) {
      await restore(await readNodes(), now);
      // Nothing needs to be made up for after a loss: the value before it is held until the next reading.
      const onLost = () => undefined;
      stopListening = await bus.listen({ workspace, name: READINGS_TOPIC }, { onMessages, onLost });
    },
    async sample(at) {
      const contributions = contribute(await readNodes(), at);
      if (contributions.length === 0) return undefined;
      pushAll(contributions, at);
      const stored = await storage.insert(measure(contributions, at));
      if (stored) await bus.publish({ workspace, name: SAMPLES_TOPIC }, [toSampleMessage(stored)]);
      return stored?.sample;
    },
    close() {
      stopListening?.();
      return Promise.resolve();
    },
  };
}
