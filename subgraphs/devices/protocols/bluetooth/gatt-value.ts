import { AegisError } from '../../../../kernel/errors/aegis-error.js';

/** How a value stands in the bytes of a characteristic. */
export interface GattField {
  readonly format: GattFormat;
  /** Where it begins, in bytes. */
  readonly offset: number;
  /** Of an unsigned number, where it begins in bits from the least one, and how many it has. */
  readonly bitOffset: number;
  readonly bits?: number | undefined;
  /** What the number is multiplied with. */
  readonly scale: number;
  readonly bigEndian: boolean;
  /** The number, before it is multiplied, that means that there is no value. */
  readonly unknown?: number | undefined;
}

/**
 * Formats of values. Source: Bluetooth, Assigned Numbers, §2.4.1 (Format Types); `sfloat` and `float` are those of IEEE
 * 11073-20601 in 16 and 32 bits, `float32` and `float64` those of IEEE 754.
 */
export const GATT_FORMATS = [
  ...['boolean', 'uint8', 'uint16', 'uint24', 'uint32', 'uint40', 'uint48', 'uint64'],
  ...['sint8', 'sint16', 'sint24', 'sint32', 'sint48', 'sint64'],
  ...['float32', 'float64', 'sfloat', 'float', 'utf8'],
] as const;

export type GattFormat =
  | 'boolean'
  | `uint${8 | 16 | 24 | 32 | 40 | 48 | 64}`
  | `sint${8 | 16 | 24 | 32 | 48 | 64}`
  | 'float32'
  | 'float64'
  | 'sfloat'
  | 'float'
  | 'utf8';

/** Reads a value. Undefined where it says that there is none. Errors: BAD_USER_INPUT when the bytes are too few. */
export function readGattValue(bytes: Buffer, field: GattField): number | boolean | string | undefined {
  if (field.format === 'utf8') return readText(bytes.subarray(field.offset));
  const raw = readNumber(bytes, field);
  if (raw === undefined || raw === field.unknown) return undefined;
  if (field.format === 'boolean') return raw !== 0;
  return scaled(raw, field.scale);
}

/** Writes a value. Errors: BAD_USER_INPUT when it does not fit the format. */
export function writeGattValue(value: unknown, field: GattField): Buffer {
  const { format, scale, bigEndian } = field;
  if (format === 'utf8' && typeof value === 'string') return Buffer.from(value);
  const number = typeof value === 'boolean' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) throw misfit(value, format);
  const raw = number / scale;
  const bytes = Buffer.alloc(sizeOf(format));
  try {
    if (format === 'float32') bytes.writeFloatLE(raw);
    else if (format === 'float64') bytes.writeDoubleLE(raw);
    else if (format === 'sfloat' || format === 'float') writeMedical(bytes, raw);
    else writeInteger(bytes, Math.round(raw), format.startsWith('sint'));
  } catch (error) {
    throw misfit(value, format, error);
  }
  return bigEndian ? bytes.reverse() : bytes;
}

function readNumber(
  bytes: Buffer,
  { format, offset, bitOffset, bits, bigEndian }: GattField,
): number | undefined {
  const size = sizeOf(format);
  if (bytes.length < offset + size) {
    throw new AegisError(
      'BAD_USER_INPUT',
      `Bluetooth: expected ${offset + size} bytes for ${format}, got ${bytes.length}.`,
    );
  }
  const part = Buffer.from(bytes.subarray(offset, offset + size));
  if (bigEndian) part.reverse();
  if (format === 'float32') return finite(part.readFloatLE());
  if (format === 'float64') return finite(part.readDoubleLE());
  if (format === 'sfloat' || format === 'float') return readMedical(part);
  if (format.startsWith('sint')) return readSigned(part);
  const all = readUnsigned(part);
  return bits === undefined && bitOffset === 0 ? Number(all) : takeBits(all, bitOffset, bits ?? 8 * size);
}

function takeBits(all: bigint, offset: number, bits: number): number {
  return Number((all >> BigInt(offset)) & ((1n << BigInt(bits)) - 1n));
}

function readUnsigned(part: Buffer): bigint {
  return part.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

function readSigned(part: Buffer): number {
  return Number(BigInt.asIntN(8 * part.length, readUnsigned(part)));
}

/** Mantissas that are no numbers: NaN, not at this resolution, reserved, and both infinities. Source: IEEE 11073-20601, §F.7. */
const NO_NUMBERS_16 = new Set([0x7ff, 0x800, 0x801, 0x7fe, 0x802]);
const NO_NUMBERS_32 = new Set([0x7fffff, 0x800000, 0x800001, 0x7ffffe, 0x800002]);

/** An exponent of 4 or 8 bits and a mantissa of 12 or 24, both in two's complement. */
function readMedical(part: Buffer): number | undefined {
  const isShort = part.length === 2;
  const mantissaBits = isShort ? 12 : 24;
  const all = Number(readUnsigned(part));
  const mantissa = all % 2 ** mantissaBits;
  const isNone = (isShort ? NO_NUMBERS_16 : NO_NUMBERS_32).has(mantissa);
  const exponent = Number(BigInt.asIntN(isShort ? 4 : 8, BigInt(Math.floor(all / 2 ** mantissaBits))));
  if (isNone && exponent === 0) return undefined;
  return scaled(Number(BigInt.asIntN(mantissaBits, BigInt(mantissa))), 10 ** exponent);
}

/** With as many digits behind the point as fit. */
function writeMedical(bytes: Buffer, value: number): void {
  const isShort = bytes.length === 2;
  const largest = isShort ? 0x7fd : 0x7ffffd;
  const [lowest, highest] = isShort ? [-8, 7] : [-128, 127];
  let exponent = Math.max(lowest, isShort ? -3 : -6);
  while (exponent < highest && Math.abs(Math.round(value / 10 ** exponent)) > largest) exponent += 1;
  const mantissa = Math.round(value / 10 ** exponent);
  if (Math.abs(mantissa) > largest) throw new RangeError('it is too large');
  const mantissaBits = isShort ? 12 : 24;
  const all =
    (BigInt.asUintN(isShort ? 4 : 8, BigInt(exponent)) << BigInt(mantissaBits)) |
    BigInt.asUintN(mantissaBits, BigInt(mantissa));
  for (let index = 0; index < bytes.length; index += 1)
    bytes[index] = Number((all >> BigInt(8 * index)) & 0xffn);
}

function writeInteger(bytes: Buffer, value: number, isSigned: boolean): void {
  const bits = 8 * bytes.length;
  const [lowest, highest] = isSigned ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1];
  if (value < lowest || value > highest) throw new RangeError(`it is not from ${lowest} to ${highest}`);
  const all = BigInt.asUintN(bits, BigInt(value));
  for (let index = 0; index < bytes.length; index += 1)
    bytes[index] = Number((all >> BigInt(8 * index)) & 0xffn);
}

function sizeOf(format: GattFormat): number {
  if (format === 'boolean') return 1;
  if (format === 'sfloat') return 2;
  if (format === 'float') return 4;
  return format === 'utf8' ? 0 : Number(/\d+$/.exec(format)?.[0]) / 8;
}

/** Of a scale such as 0.01 no digits come that the device did not send: 2150 × 0.01 is 21.5, not 21.500000000000004. */
function scaled(raw: number, scale: number): number {
  return scale === 1 ? raw : Number((raw * scale).toPrecision(15));
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

/** Up to the first NUL, with which some devices fill up. */
function readText(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.subarray(0, end < 0 ? bytes.length : end).toString('utf8');
}

function misfit(value: unknown, format: string, cause?: unknown): AegisError {
  const text = JSON.stringify(value ?? null).slice(0, 60);
  return new AegisError('BAD_USER_INPUT', `Bluetooth: expected a value that fits ${format}, got ${text}.`, {
    cause,
  });
}
