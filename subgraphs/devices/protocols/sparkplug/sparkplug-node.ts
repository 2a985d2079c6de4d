import { resolveAliases, type SparkplugBirth } from '../../codecs/sparkplug/sparkplug-codec.js';
import type { SparkplugMetric, SparkplugPayload } from '../../codecs/sparkplug/sparkplug-payload.js';

/** What has been heard of an edge node since its birth. */
export interface SparkplugNode {
  /** Takes a birth of the node: what was known of it, and of the devices behind it, is over. */
  born(payload: SparkplugPayload): void;
  /** Whether this birth is told again, as it was asked for, rather than that of a new connection. */
  isBornAgain(payload: SparkplugPayload): boolean;
  /** Takes a birth of a device behind it. */
  deviceBorn(device: string, payload: SparkplugPayload): void;
  /** Whether a death belongs to the birth that was heard, rather than to a connection before that. */
  isDeath(payload: SparkplugPayload): boolean;
  died(): void;
  /** Whether nothing is missing before this payload. */
  follows(payload: SparkplugPayload): boolean;
  /**
   * The payload with its metrics' names and types, of the node itself or of a device. `complete`: no metric is left out as
   * its alias is unknown.
   */
  resolve(
    device: string | undefined,
    payload: SparkplugPayload,
  ): { readonly payload: SparkplugPayload; readonly complete: boolean };
  /** The type that a metric had in its birth. */
  datatypeOf(device: string | undefined, name: string): number | undefined;
}

/** What a birth has told of the metrics of a node, or of a device. */
interface Birth {
  readonly byAlias: ReadonlyMap<bigint, SparkplugBirth>;
  readonly datatypes: ReadonlyMap<string, number | undefined>;
}

const SEQUENCES = 256;
/** Source: Sparkplug 3.0.0, §6.4.9.1. */
const BIRTH_SEQUENCE = 'bdSeq';
const UNBORN: Birth = { byAlias: new Map(), datatypes: new Map() };

/** Makes what is known of an edge node: nothing yet. */
export function createSparkplugNode(): SparkplugNode {
  let births = new Map<string | undefined, Birth>();
  let birthSequence: string | undefined;
  let lastSeq: number | undefined;

  return {
    born(payload) {
      births = new Map([[undefined, toBirth(payload)]]);
      birthSequence = birthSequenceOf(payload);
      lastSeq = payload.seq ?? 0;
    },
    // Source: Sparkplug 3.0.0, §6.4.19: each CONNECT has the next bdSeq, and births that are asked for keep it.
    isBornAgain: (payload) => births.has(undefined) && birthSequenceOf(payload) === birthSequence,
    deviceBorn(device, payload) {
      births.set(device, toBirth(payload));
    },
    isDeath(payload) {
      const dying = birthSequenceOf(payload);
      return birthSequence === undefined || dying === undefined || dying === birthSequence;
    },
    died() {
      births = new Map();
      birthSequence = undefined;
      lastSeq = undefined;
    },
    follows({ seq }) {
      const expected = lastSeq === undefined ? undefined : (lastSeq + 1) % SEQUENCES;
      if (lastSeq !== undefined) lastSeq = seq;
      return expected !== undefined && seq === expected;
    },
    resolve(device, payload) {
      const { byAlias, datatypes } = births.get(device) ?? UNBORN;
      const known = payload.metrics
        .filter(({ name, alias }) => name !== undefined || (alias !== undefined && byAlias.has(alias)))
        .map((metric) => withType(metric, datatypes));
      return {
        payload: resolveAliases({ ...payload, metrics: known }, byAlias),
        complete: births.has(device) && known.length === payload.metrics.length,
      };
    },
    datatypeOf: (device, name) => births.get(device)?.datatypes.get(name),
  };
}

function withType(metric: SparkplugMetric, datatypes: Birth['datatypes']): SparkplugMetric {
  if (metric.name === undefined || metric.datatype !== undefined) return metric;
  return { ...metric, datatype: datatypes.get(metric.name) };
}

function toBirth({ metrics }: SparkplugPayload): Birth {
  const byAlias = new Map<bigint, SparkplugBirth>();
  const datatypes = new Map<string, number | undefined>();
  for (const { name, alias, datatype } of metrics) {
    if (name === undefined) continue;
    if (alias !== undefined) byAlias.set(alias, { name, datatype });
    datatypes.set(name, datatype);
  }
  return { byAlias, datatypes };
}

function birthSequenceOf({ metrics }: SparkplugPayload): string | undefined {
  const value = metrics.find(({ name }) => name === BIRTH_SEQUENCE)?.value;
  return value?.kind === 'LONG' || value?.kind === 'NUMBER' ? String(value.value) : undefined;
}
