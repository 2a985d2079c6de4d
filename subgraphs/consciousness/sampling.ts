import type { Part } from '../../kernel/lifecycle/lifecycle.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import type { Network } from './network.js';
import type { SamplingMetrics } from './sampling-metrics.js';
import { createTicker, type Clock } from './ticker.js';

/** What goes on by itself: the samples of all networks, and their housekeeping. */
export interface Sampling {
  /** To be started in this order. */
  readonly parts: readonly Part[];
  /** When the networks were last sampled without a failure; undefined before the start. */
  sampledAt(): Date | undefined;
}

export interface SamplingDeps {
  readonly clock: Clock;
  readonly networks: () => readonly Network[];
  readonly metrics: SamplingMetrics;
  readonly keep: (network: Network) => Promise<void>;
  readonly logger: Logger;
}

const HOUSEKEEPING_PERIOD_MS = 60_000;

/** One ticker for the samples of all networks and one for their housekeeping. */
export function createSampling({ clock, networks, metrics, keep, logger }: SamplingDeps): Sampling {
  let sampledAt: Date | undefined;

  /** Samples every network; a failure in one keeps none of the others from its sample. */
  async function sampleAll(at: Date): Promise<void> {
    const samplings = networks().map(async ({ sampler, live }) => {
      const sample = await metrics.observe(() => sampler.sample(at));
      if (sample) live.offer(sample);
    });
    const failed = (await Promise.allSettled(samplings)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
    sampledAt = clock.now();
  }

  const samples = createTicker({
    clock,
    // As often as the network that is sampled most often; the others leave the instants between theirs out.
    periodMs: () => Math.min(...networks().map(({ sampler }) => sampler.periodMs())),
    onTick: sampleAll,
    onError: (error) => {
      logger.error({ err: error }, 'a sample was not taken; the next one is tried when it is due');
    },
  });
  const housekeeping = createTicker({
    clock,
    periodMs: HOUSEKEEPING_PERIOD_MS,
    onTick: async () => {
      for (const network of networks()) await keep(network);
    },
    onError: (error) => {
      logger.error({ err: error }, 'the history was not tidied up; trying again at the next time');
    },
  });
  return {
    parts: [
      {
        name: 'sampling',
        start() {
          sampledAt = clock.now();
          return samples.start();
        },
        close: () => samples.close(),
      },
      { name: 'housekeeping', ...housekeeping },
    ],
    sampledAt: () => sampledAt,
  };
}
