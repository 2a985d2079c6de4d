import type { Codec, CodecContext, RawReading } from '../codec.js';
import { parseJson } from '../json-codec.js';
import { parseCbor } from '../parse-cbor.js';
import { isMetricName } from '../../metric-name.js';
import { describeValue } from '../../readings/describe-value.js';
import { refusePayload } from '../refuse-payload.js';
import { resolveSenml, type ResolvedRecord, type SenmlRecord } from './resolve-senml.js';
import { toUcum } from './senml-units.js';

/** The names of fields that stand in CBOR as numbers. Source: RFC 8428, §6, table 4. */
const LABELS: ReadonlyMap<number, string> = new Map([
  [-1, 'bver'],
  [-2, 'bn'],
  [-3, 'bt'],
  [-4, 'bu'],
  [-5, 'bv'],
  [-6, 'bs'],
  [0, 'n'],
  [1, 'u'],
  [2, 'v'],
  [3, 'vs'],
  [4, 'vb'],
  [5, 's'],
  [6, 't'],
  [7, 'ut'],
  [8, 'vd'],
]);

/** SenML in JSON. Source: RFC 8428, §5. */
export const senmlJsonCodec: Codec = {
  kind: 'SENML_JSON',
  decode: (payload, context) => toReadings(parseJson(payload), context),
};

/** SenML in CBOR. Source: RFC 8428, §6. */
export const senmlCborCodec: Codec = {
  kind: 'SENML_CBOR',
  decode: (payload, context) => {
    const pack = parseCbor(payload);
    return toReadings(Array.isArray(pack) ? pack.map(toRecord) : pack, context);
  },
};

function toRecord(item: unknown): SenmlRecord {
  if (!(item instanceof Map))
    throw refusePayload(`expected records that are maps, got ${describeValue(item)}`);
  const entries = [...(item as ReadonlyMap<unknown, unknown>)].map(([key, value]): [string, unknown] => [
    toField(key),
    toJsonValue(value),
  ]);
  return Object.fromEntries(entries);
}

function toField(key: unknown): string {
  if (typeof key === 'string') return key;
  const field = typeof key === 'number' ? LABELS.get(key) : undefined;
  if (field !== undefined) return field;
  throw refusePayload(`expected labels from -6 to 8 or texts, got ${describeValue(key)}`);
}

/** As the value would stand in JSON: numbers of 64 bits are numbers, octets texts. */
function toJsonValue(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64url') : value;
}

function toReadings(pack: unknown, context: CodecContext): RawReading[] {
  return resolveSenml(pack, context.arrivedAtUs).flatMap((record) => toReadingsOf(record, context));
}

/** A value becomes a reading of the metric that it names, and a sum one of `<metric>.sum` where that is declared. */
function toReadingsOf(record: ResolvedRecord, { metrics }: CodecContext): RawReading[] {
  const { value, sum, measuredAtUs } = record;
  const metric = findMetric(record, metrics);
  const at = measuredAtUs === undefined ? {} : { measuredAtUs };
  const readings: RawReading[] = [];
  if (value !== undefined) readings.push({ metric, ...toValue(value, record.unit), ...at });
  if (sum !== undefined && metrics?.has(`${metric}.sum`) === true)
    readings.push({ metric: `${metric}.sum`, ...toSum(sum, record.unit), ...at });
  if (readings.length > 0) return readings;
  throw refusePayload(`${JSON.stringify(metric)}: expected a metric ${metric}.sum for a sum without a value`);
}

/** A word and a yes or no have no unit, whatever stands beside them. */
function toValue(
  value: NonNullable<ResolvedRecord['value']>,
  unit: string | undefined,
): Pick<RawReading, 'value' | 'unit'> {
  if (unit === undefined || typeof value !== 'number') return { value };
  const { code, offset = 0 } = toUcum(unit);
  return { value: value + offset, unit: code };
}

/** The sum of values over time is in their unit times a second. Source: RFC 8428, §4.3. */
function toSum(sum: number, unit: string | undefined): Pick<RawReading, 'value' | 'unit'> {
  if (unit === undefined) return { value: sum };
  const { code } = toUcum(unit);
  return { value: sum, unit: code === '1' ? 's' : `${code}.s` };
}

/**
 * Which metric a name of SenML stands for. Names are unique in the world, as in `urn:dev:ow:10e2073a01080063:voltage`:
 * what is declared is looked for as the whole name, as the record's own, as what stands behind the last `:` or `/`, and
 * with points for slashes. A device of one metric may be named alone.
 */
function findMetric({ name, ownName }: ResolvedRecord, metrics: CodecContext['metrics']): string {
  const tail = name.slice(Math.max(name.lastIndexOf(':'), name.lastIndexOf('/')) + 1);
  const declared = [name, ownName, tail, ownName.replaceAll('/', '.')].find((one) => metrics?.has(one));
  if (declared !== undefined) return declared;
  const [only] = metrics?.size === 1 && !isMetricName(tail) ? metrics.keys() : [];
  return only ?? (tail === '' ? name : tail);
}
