import protobuf from 'protobufjs/minimal.js';
import {
  DATATYPES,
  type SparkplugMetric,
  type SparkplugPayload,
  type SparkplugValue,
} from './sparkplug-payload.js';

type Writer = protobuf.Writer;

/**
 * Encodes a payload of Sparkplug B, such as a command to an edge node (`Node Control/Rebirth`) or one whose aliases have
 * been resolved. What was skipped when it was decoded is not in it.
 *
 * Source: Eclipse Sparkplug 3.0, §6.4.4 (sparkplug_b.proto).
 */
export function encodeSparkplug({ timestampMs, metrics, seq, uuid }: SparkplugPayload): Uint8Array {
  const writer = protobuf.Writer.create();
  writeLong(writer, 1, timestampMs);
  for (const metric of metrics) {
    writer.uint32((2 << 3) | 2).fork();
    writeMetric(writer, metric);
    writer.ldelim();
  }
  writeLong(writer, 3, seq);
  if (uuid !== undefined) writer.uint32((4 << 3) | 2).string(uuid);
  return writer.finish();
}

function writeMetric(writer: Writer, metric: SparkplugMetric): void {
  const { name, alias, timestampMs, datatype, isHistorical, isTransient, isNull, quality, value } = metric;
  if (name !== undefined) writer.uint32((1 << 3) | 2).string(name);
  writeLong(writer, 2, alias);
  writeLong(writer, 3, timestampMs);
  if (datatype !== undefined) writer.uint32(4 << 3).uint32(datatype);
  for (const [field, flag] of [[5, isHistorical] as const, [6, isTransient] as const, [7, isNull] as const])
    if (flag !== undefined) writer.uint32(field << 3).bool(flag);
  if (quality !== undefined) writeQuality(writer, quality);
  if (value) writeValue(writer, value, datatype);
}

function writeQuality(writer: Writer, quality: number): void {
  writer.uint32((9 << 3) | 2).fork();
  writer.uint32((1 << 3) | 2).string('Quality');
  writer.uint32((2 << 3) | 2).fork();
  writer.uint32(1 << 3).uint32(3);
  writer.uint32(3 << 3).uint32(quality);
  writer.ldelim();
  writer.ldelim();
}

function writeValue(writer: Writer, one: SparkplugValue, datatype: number | undefined): void {
  switch (one.kind) {
    case 'NUMBER':
      // Receivers look for the value where its type has it; without a type, a double holds what all of them hold.
      if (datatype === DATATYPES.Float) writer.uint32((12 << 3) | 5).float(one.value);
      else if (datatype === DATATYPES.Double) writer.uint32((13 << 3) | 1).double(one.value);
      else if (Number.isInteger(one.value) && one.value >= 0 && one.value < 2 ** 32)
        writer.uint32(10 << 3).uint32(one.value);
      else writer.uint32((13 << 3) | 1).double(one.value);
      return;
    case 'LONG':
      writeLong(writer, 11, one.value);
      return;
    case 'BOOLEAN':
      writer.uint32(14 << 3).bool(one.value);
      return;
    case 'TEXT':
      writer.uint32((15 << 3) | 2).string(one.value);
      return;
    case 'BYTES':
      writer.uint32((16 << 3) | 2).bytes(one.value);
      return;
    case 'OTHER':
      return;
  }
}

function writeLong(writer: Writer, field: number, value: number | bigint | undefined): void {
  if (value === undefined) return;
  const bits = BigInt.asUintN(64, BigInt(value));
  writer.uint32(field << 3).uint64(bits.toString());
}
