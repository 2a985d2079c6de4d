import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { readWith } from '../../kernel/config/read-with.js';
import type { Setting, SettingsOf } from '../../kernel/config/settings.js';
import { wholeNumber } from '../../kernel/config/whole-number.js';
import { brokerClientId, brokerUrl, brokerVersion, pemFile } from '../../kernel/messaging/broker-settings.js';
import { generatorParameters, type GeneratorParameters } from './generator/generator-parameters.js';
import type { PhiMethod } from './metrics/integrated-information.js';
import { writtenGraph, type GraphChoice } from './graph/configured-graph.js';

const DEVICE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** Every setting of the subgraph. */
export const settings = {
  mqttUrl: brokerUrl(
    'URL of an MQTT broker (3.1.1 or 5) from which the subgraph consciousness takes what nodes send where it is a process of its own, credentials included. In one process with devices, these hand it on.',
  ),
  mqttClientId: brokerClientId(
    'AEGIS_NODE_MQTT_CLIENT_ID',
    'Client id of the subgraph consciousness at that broker; it keeps undelivered reports under this name, so it is fixed and no two processes share it.',
    'aegis-consciousness',
  ),
  mqttVersion: brokerVersion,
  mqttCertFile: pemFile('AEGIS_MQTT_CERT_FILE', 'Certificate (PEM) that is shown to an external broker.'),
  mqttKeyFile: pemFile('AEGIS_MQTT_KEY_FILE', 'Private key (PEM) of AEGIS_MQTT_CERT_FILE.'),
  mqttCaFile: pemFile(
    'AEGIS_MQTT_CA_FILE',
    "Certificate (PEM) of the authority that signs the external broker's certificate.",
  ),
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
    description:
      'Milliseconds from one sample of the network to the next, while no signal brings values much more often.',
    minimum: 10,
    maximum: 60_000,
    initial: 1_000,
  }),
  fastPeriodMs: wholeNumber({
    env: 'AEGIS_SAMPLE_FAST_PERIOD_MS',
    description:
      'Milliseconds from one sample to the next while a signal brings values more than twice as often as the other period, or the generator runs.',
    minimum: 10,
    maximum: 60_000,
    initial: 100,
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
  metricsPeriodMs: wholeNumber({
    env: 'AEGIS_METRICS_PERIOD_MS',
    description:
      'Milliseconds from one update of the numbers of the network to the next, at least; never less than from one sample to the next.',
    minimum: 100,
    maximum: 60_000,
    initial: 200,
  }),
  metricsRenewed: wholeNumber({
    env: 'AEGIS_METRICS_RENEWED_SURROGATES',
    description: 'How many of the surrogates each update makes anew; the others are of the updates before.',
    minimum: 1,
    maximum: 999,
    initial: 2,
  }),
  phiMethod: {
    env: 'AEGIS_PHI_METHOD',
    description:
      'Which integrated information the live numbers have: GAUSSIAN_WHOLE_MINUS_SUM (Barrett and Seth; may be negative) or MISMATCHED_DECODING (Φ*, Oizumi and others; never negative, three times the cost).',
    expects: 'GAUSSIAN_WHOLE_MINUS_SUM or MISMATCHED_DECODING',
    schema: z.enum(['GAUSSIAN_WHOLE_MINUS_SUM', 'MISMATCHED_DECODING']).default('GAUSSIAN_WHOLE_MINUS_SUM'),
  } satisfies Setting<PhiMethod>,
  networkGraph: {
    env: 'AEGIS_NETWORK_GRAPH',
    description:
      'What joins the nodes: auto (Metatron’s cube for 13 nodes, else each with each), metatron-cube, complete, ring, JSON such as {"edges":[[0,1,0.5]]}, or the path of a file with such JSON.',
    expects: 'auto, metatron-cube, complete, ring, or a graph as JSON or in a JSON file',
    schema: z.string().default('auto').transform(readWith(readGraphChoice)),
  } satisfies Setting<GraphChoice>,
  generatorAtStart: {
    env: 'AEGIS_GENERATOR',
    description:
      'Runs the generator of SIMULATED signals from the start on: on, off, or JSON of its settings such as {"coupling":2}. It then runs until it is stopped.',
    expects: 'on, off, or JSON of settings of the generator',
    schema: z.string().default('off').transform(readWith(readGeneratorChoice)),
  } satisfies Setting<GeneratorParameters | undefined>,
  stalePeriods: wholeNumber({
    env: 'AEGIS_SAMPLE_STALE_PERIODS',
    description:
      'A signal whose newest reading is older than this many sample periods is left out of the samples.',
    minimum: 1,
    maximum: 100_000,
    initial: 10,
  }),
  maxStateAheadSeconds: wholeNumber({
    env: 'AEGIS_NODE_MAX_CLOCK_AHEAD_SECONDS',
    description:
      "How far a node's clock may be ahead of ours, in seconds, when it pushes a state: that is then taken as one of now; later ones are refused.",
    minimum: 0,
    maximum: 31_536_000,
    initial: 300,
  }),
  sampleRetentionHours: wholeNumber({
    env: 'AEGIS_SAMPLE_RETENTION_HOURS',
    description: 'Hours after which samples are removed.',
    minimum: 1,
    maximum: 876_000,
    initial: 168,
  }),
  measurementRetentionHours: wholeNumber({
    env: 'AEGIS_METRICS_RETENTION_HOURS',
    description: 'Hours after which single updates of the numbers of the network are removed.',
    minimum: 1,
    maximum: 876_000,
    initial: 24,
  }),
  rollupRetentionDays: wholeNumber({
    env: 'AEGIS_METRICS_MINUTES_RETENTION_DAYS',
    description: 'Days after which the numbers by the minute are removed; those by the hour are kept.',
    minimum: 1,
    maximum: 36_500,
    initial: 90,
  }),
  reportRetentionHours: wholeNumber({
    env: 'AEGIS_NODE_REPORT_RETENTION_HOURS',
    description: 'Hours after which reports of nodes are removed.',
    minimum: 1,
    maximum: 876_000,
    initial: 168,
  }),
};

/** What a gateway in another process answers at its address as well. */
export const passedPaths = [
  { method: 'GET', path: '/api/health' },
  { method: 'GET', path: '/api/metrics/integration' },
  { method: 'GET', path: '/api/network/status' },
  { method: 'GET', path: '/api/openapi.json' },
  { method: 'POST', path: '/nodes/:id/consciousness' },
  { method: 'POST', path: '/nodes/:id/state' },
] as const;

export type ConsciousnessSettings = SettingsOf<typeof settings>;

const KNOWN_GRAPHS = ['auto', 'metatron-cube', 'complete', 'ring'] as const;

/** Reads which graph is meant; a file is read here, so that a wrong one stops the start and names the setting. */
function readGraphChoice(text: string): GraphChoice {
  const known = KNOWN_GRAPHS.find((name) => name === text);
  if (known) return known;
  try {
    return writtenGraph.parse(JSON.parse(text.startsWith('{') ? text : readFileSync(text, 'utf8')));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new Error(
      `expected auto, metatron-cube, complete, ring, or a graph as JSON or in a JSON file, but: ${reason}`,
      { cause: error },
    );
  }
}

function readGeneratorChoice(text: string): GeneratorParameters | undefined {
  if (text === 'off') return undefined;
  try {
    const given: unknown = text === 'on' ? {} : JSON.parse(text);
    return { ...generatorParameters.parse(given), minutes: 0 };
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new Error(`expected on, off, or JSON of settings of the generator, but: ${reason}`, {
      cause: error,
    });
  }
}
