import { z } from 'zod';
import type { Setting, SettingsOf } from '../../kernel/config/settings.js';
import { wholeNumber } from '../../kernel/config/whole-number.js';

const DEVICE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** Every setting of the subgraph. */
export const settings = {
  nodeCount: wholeNumber({
    env: 'AEGIS_NODE_COUNT',
    description: 'How many nodes the network has.',
    minimum: 2,
    maximum: 64,
    initial: 13,
  }),
  nodeDevice: {
    env: 'AEGIS_NODE_DEVICE',
    description: 'Name of the device whose metrics become the signals of nodes that have none.',
    expects: 'the name of a device: 1 to 63 letters, digits, dots, dashes and underscores',
    schema: z.string().regex(DEVICE_NAME).default('host'),
  } satisfies Setting<string>,
  samplePeriodMs: wholeNumber({
    env: 'AEGIS_SAMPLE_PERIOD_MS',
    description: 'Milliseconds from one sample of the network to the next.',
    minimum: 10,
    maximum: 60_000,
    initial: 1_000,
  }),
  windowSamples: wholeNumber({
    env: 'AEGIS_SAMPLE_WINDOW',
    description: 'Length of the sliding window over which coherence is measured, in samples.',
    minimum: 16,
    maximum: 4_096,
    initial: 64,
  }),
  minimumSamples: wholeNumber({
    env: 'AEGIS_SAMPLE_MINIMUM',
    description:
      'How many samples of a signal there must be before its phase is told; never more than the window.',
    minimum: 8,
    maximum: 4_096,
    initial: 16,
  }),
  metricsSamples: wholeNumber({
    env: 'AEGIS_METRICS_WINDOW',
    description: 'Length of the window over which the numbers of the network are taken, in samples.',
    minimum: 64,
    maximum: 4_096,
    initial: 256,
  }),
  metricsMinimum: wholeNumber({
    env: 'AEGIS_METRICS_MINIMUM',
    description:
      'How many samples of a signal there must be before it counts in the numbers of the network; never more than their window.',
    minimum: 64,
    maximum: 4_096,
    initial: 64,
  }),
  metricsLag: wholeNumber({
    env: 'AEGIS_METRICS_LAG',
    description: 'How far back the past lies that integrated information is about, in samples.',
    minimum: 1,
    maximum: 16,
    initial: 1,
  }),
  metricsSurrogates: wholeNumber({
    env: 'AEGIS_METRICS_SURROGATES',
    description:
      'How many phase-shuffled surrogates integrated information is compared with: 19 are the fewest that tell 5 %.',
    minimum: 19,
    maximum: 999,
    initial: 19,
  }),
  stalePeriods: wholeNumber({
    env: 'AEGIS_SAMPLE_STALE_PERIODS',
    description:
      'A signal whose newest reading is older than this many sample periods is left out of the samples.',
    minimum: 1,
    maximum: 100_000,
    initial: 10,
  }),
  sampleRetentionHours: wholeNumber({
    env: 'AEGIS_SAMPLE_RETENTION_HOURS',
    description: 'Hours after which samples are removed.',
    minimum: 1,
    maximum: 876_000,
    initial: 168,
  }),
};

export type ConsciousnessSettings = SettingsOf<typeof settings>;
