import protobuf from 'protobufjs/minimal.js';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { MAX_ENTRIES, refuseMany, refusePayload } from '../refuse-payload.js';
import type { SparkplugMetric, SparkplugPayload } from './sparkplug-payload.js';

type Reader = protobuf.Reader;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type PayloadDraft = Mutable<SparkplugPayload> & { readonly metrics: SparkplugMetric[] };

/** How a field stands on the wire: 0 a varint, 1 eight bytes, 2 a length and its bytes, 5 four bytes. */
type WireType = 0 | 1 | 2 | 5;
/** Reads one field of a message into what is made of it. */
interface Field<T> {
  readonly wire: WireType;
  readonly read: (reader: Reader, into: T) => void;
}
/** The fields of a message by their numbers; those that are not listed are skipped. */
type Fields<T> = ReadonlyMap<number, Field<T>>;

/** The properties of a metric, as far as they are read. */
interface PropertySet {
  readonly keys: string[];
  readonly values: (number | undefined)[];
}

/** The most properties of one metric. */
const MAX_PROPERTIES = 64;
const QUALITY = 'Quality';

const PROPERTY: Fields<{ value?: number }> = new Map([
  [3, { wire: 0, read: (reader, into) => (into.value = reader.uint32()) }],
  [4, { wire: 0, read: (reader, into) => (into.value = Number(readLong(reader))) }],
] satisfies [number, Field<{ value?: number }>][]);

const PROPERTIES: Fields<PropertySet> = new Map([
  [1, { wire: 2, read: (reader, { keys }) => void keys.push(reader.string()) }],
  [
    2,
    {
      wire: 2,
      read: (reader, { values }) =>
        void values.push(readInner<{ value?: number }>(reader, PROPERTY, {}).value),
    },
  ],
] satisfies [number, Field<PropertySet>][]);

const METRIC: Fields<Mutable<SparkplugMetric>> = new Map([
  [1, { wire: 2, read: (reader, into) => (into.name = reader.string()) }],
  [2, { wire: 0, read: (reader, into) => (into.alias = readLong(reader)) }],
  [3, { wire: 0, read: (reader, into) => (into.timestampMs = Number(readLong(reader))) }],
  [4, { wire: 0, read: (reader, into) => (into.datatype = reader.uint32()) }],
  [5, { wire: 0, read: (reader, into) => (into.isHistorical = reader.bool()) }],
  [6, { wire: 0, read: (reader, into) => (into.isTransient = reader.bool()) }],
  [7, { wire: 0, read: (reader, into) => (into.isNull = reader.bool()) }],
  [9, { wire: 2, read: (reader, into) => (into.quality = readQuality(reader)) }],
  [10, { wire: 0, read: (reader, into) => (into.value = { kind: 'NUMBER', value: reader.uint32() }) }],
  [11, { wire: 0, read: (reader, into) => (into.value = { kind: 'LONG', value: readLong(reader) }) }],
  [12, { wire: 5, read: (reader, into) => (into.value = { kind: 'NUMBER', value: reader.float() }) }],
  [13, { wire: 1, read: (reader, into) => (into.value = { kind: 'NUMBER', value: reader.double() }) }],
  [14, { wire: 0, read: (reader, into) => (into.value = { kind: 'BOOLEAN', value: reader.bool() }) }],
  [15, { wire: 2, read: (reader, into) => (into.value = { kind: 'TEXT', value: reader.string() }) }],
  [16, { wire: 2, read: (reader, into) => (into.value = { kind: 'BYTES', value: reader.bytes() }) }],
  ...[17, 18, 19].map(
    (field) => [field, { wire: 2, read: readOther }] as [number, Field<Mutable<SparkplugMetric>>],
  ),
] satisfies [number, Field<Mutable<SparkplugMetric>>][]);

const PAYLOAD: Fields<PayloadDraft> = new Map([
  [1, { wire: 0, read: (reader, into) => (into.timestampMs = Number(readLong(reader))) }],
  [2, { wire: 2, read: readMetric }],
  [3, { wire: 0, read: (reader, into) => (into.seq = Number(readLong(reader))) }],
  [4, { wire: 2, read: (reader, into) => (into.uuid = reader.string()) }],
] satisfies [number, Field<PayloadDraft>][]);

/**
 * Decodes a payload of Sparkplug B. Data sets, templates and extensions are skipped; at most 1000 metrics are taken.
 *
 * Errors: BAD_USER_INPUT for bytes that are no such payload, PAYLOAD_TOO_LARGE for more metrics.
 * Source: Eclipse Sparkplug 3.0, §6.4.4 (sparkplug_b.proto); Protocol Buffers, «Encoding».
 */
export function decodeSparkplug(payload: Uint8Array): SparkplugPayload {
  try {
    const decoded: PayloadDraft = { metrics: [] };
    readFields(protobuf.Reader.create(payload), payload.byteLength, PAYLOAD, decoded);
    return decoded;
  } catch (error) {
    if (error instanceof AegisError) throw error;
    const reason = error instanceof Error ? error.message.slice(0, 100) : 'it cannot be read';
    throw refusePayload(
      `expected a payload of Sparkplug B, got ${payload.byteLength} other bytes (${reason})`,
    );
  }
}

function readFields<T>(reader: Reader, end: number, fields: Fields<T>, into: T): T {
  while (reader.pos < end) {
    const tag = reader.uint32();
    const [number, wire] = [tag >>> 3, tag & 7];
    const field = fields.get(number);
    if (!field) reader.skipType(wire, 0, number);
    else if (field.wire === wire) field.read(reader, into);
    else throw new RangeError(`field ${number} has the wire type ${wire} instead of ${field.wire}`);
  }
  if (reader.pos > end) throw new RangeError('a field goes beyond the message that it is in');
  return into;
}

function readInner<T>(reader: Reader, fields: Fields<T>, into: T): T {
  const bytes = reader.uint32();
  const end = reader.pos + bytes;
  if (end > reader.len) throw new RangeError('it is cut off');
  return readFields(reader, end, fields, into);
}

function readMetric(reader: Reader, { metrics }: PayloadDraft): void {
  if (metrics.length >= MAX_ENTRIES) throw refuseMany(metrics.length + 1);
  metrics.push(readInner(reader, METRIC, {}));
}

function readQuality(reader: Reader): number | undefined {
  const { keys, values } = readInner<PropertySet>(reader, PROPERTIES, { keys: [], values: [] });
  if (keys.length > MAX_PROPERTIES) throw refuseMany(keys.length, MAX_PROPERTIES);
  return values[keys.indexOf(QUALITY)];
}

function readOther(reader: Reader, into: Mutable<SparkplugMetric>): void {
  reader.skip(reader.uint32());
  into.value = { kind: 'OTHER' };
}

/** A varint of 64 bits, unsigned. */
function readLong(reader: Reader): bigint {
  const { low, high } = reader.uint64() as unknown as { readonly low: number; readonly high: number };
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
