import type { Codec, Quality, RawReading } from '../codec.js';
import { refusePayload } from '../refuse-payload.js';
import { decodeSparkplug } from './decode-sparkplug.js';
import { DATATYPES, type SparkplugMetric, type SparkplugPayload } from './sparkplug-payload.js';

/** What a birth has said of a metric: by its alias it is named from then on. */
export interface SparkplugBirth {
  readonly name: string;
  readonly datatype: number | undefined;
}

/** How many bits the signed types have; they stand in the payload as the two's complement of 32 or 64 bits. */
const SIGNED_BITS: ReadonlyMap<number, number> = new Map([
  [DATATYPES.Int8, 8],
  [DATATYPES.Int16, 16],
  [DATATYPES.Int32, 32],
  [DATATYPES.Int64, 64],
]);

/** Source: Eclipse Sparkplug 3.0, §6.4.7 (properties, `Quality`). */
const QUALITIES: ReadonlyMap<number, Quality> = new Map([
  [0, 'BAD'],
  [192, 'GOOD'],
  [500, 'STALE'],
]);

/** Metrics of the protocol itself. Source: §6.4.8 and §6.4.9. */
const NOT_MEASURED = /^(?:bdSeq$|Node Control\/|Device Control\/)/;

/**
 * Decodes payloads of Sparkplug B whose metrics have their names; those of the protocol itself are left out, and those
 * that are null. A name with slashes stands for the metric with points in their place.
 *
 * Source: Eclipse Sparkplug 3.0, §6.4.
 */
export const sparkplugCodec: Codec = {
  kind: 'SPARKPLUG_B',
  decode: (payload) => toReadings(decodeSparkplug(payload)),
};

/**
 * Fills in the names and the types of metrics that bring an alias alone, by what the births of their edge node have said.
 *
 * Errors: BAD_USER_INPUT for an alias that no birth has given: the edge node is to be asked for a new birth.
 */
export function resolveAliases(
  payload: SparkplugPayload,
  births: ReadonlyMap<bigint, SparkplugBirth>,
): SparkplugPayload {
  const metrics = payload.metrics.map((metric) => {
    if (metric.name !== undefined && metric.datatype !== undefined) return metric;
    const birth = metric.alias === undefined ? undefined : births.get(metric.alias);
    if (birth === undefined && metric.name === undefined)
      throw refusePayload(`no birth has given the alias ${metric.alias ?? 'of a metric without a name'}`);
    return { ...metric, name: metric.name ?? birth?.name, datatype: metric.datatype ?? birth?.datatype };
  });
  return { ...payload, metrics };
}

function toReadings({ timestampMs, metrics }: SparkplugPayload): RawReading[] {
  return metrics.flatMap((metric) => {
    if (metric.name === undefined)
      throw refusePayload(
        `metric with alias ${metric.alias ?? 'none'}: expected a name, as no birth of it is known; ask for a new birth`,
      );
    if (metric.isNull === true || NOT_MEASURED.test(metric.name)) return [];
    return [toReading(metric.name, metric, timestampMs)];
  });
}

function toReading(name: string, metric: SparkplugMetric, sentAtMs: number | undefined): RawReading {
  const atMs = metric.timestampMs ?? sentAtMs;
  const quality = metric.quality === undefined ? undefined : (QUALITIES.get(metric.quality) ?? 'UNCERTAIN');
  return {
    metric: name.replaceAll('/', '.'),
    value: toValue(name, metric),
    ...(atMs === undefined ? {} : { measuredAtUs: atMs * 1_000 }),
    ...(quality === undefined || quality === 'GOOD' ? {} : { quality }),
  };
}

function toValue(name: string, { value, datatype }: SparkplugMetric): RawReading['value'] {
  if (value?.kind === 'NUMBER' || value?.kind === 'LONG') return toNumber(value.value, datatype);
  if (value?.kind === 'BOOLEAN' || value?.kind === 'TEXT') return value.value;
  throw refusePayload(`${JSON.stringify(name.slice(0, 64))}: expected a number, a boolean or a text`);
}

function toNumber(value: number | bigint, datatype: number | undefined): number {
  const bits = datatype === undefined ? undefined : SIGNED_BITS.get(datatype);
  if (bits === undefined || (typeof value === 'number' && !Number.isInteger(value))) return Number(value);
  return Number(BigInt.asIntN(bits, BigInt(value)));
}
