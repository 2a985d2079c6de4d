import { AegisError } from '../../../../kernel/errors/aegis-error.js';

/** One option of a message. Source: RFC 7252, §5.4; the numbers stand in IANA's CoRE Parameters. */
export interface CoapOption {
  /** Its registered name, or its number as text where it has none that we know. */
  readonly name: string;
  readonly value: Buffer;
}

/** What a message says, whatever it is sent in (confirmable or not, acknowledgement or not). */
export interface CoapMessage {
  /** `0.03` for a method, `2.04` for an answer. */
  readonly code: string;
  /** By which an answer finds its request. */
  readonly token: Buffer;
  readonly options: readonly CoapOption[];
  readonly payload: Buffer;
}

/** The other end. */
export interface Remote {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
}

/** A block of a larger body. Source: RFC 7959, §2.2. */
export interface Block {
  readonly number: number;
  readonly more: boolean;
  /** In bytes: 16, 32, … 1,024. */
  readonly size: number;
}

/** The largest body that goes in one message, in bytes. Source: RFC 7252, §4.6. */
export const MAX_BLOCK_BYTES = 1_024;

/** The methods. Source: RFC 7252, §12.1.1. */
export const METHOD = { GET: '0.01', POST: '0.02', PUT: '0.03' } as const;

/** Names an end in maps. */
export function keyOfRemote({ address, port }: Remote): string {
  return `${address}/${port}`;
}

/** The values of all options of a name, in their order. */
export function findOptions(message: Pick<CoapMessage, 'options'>, name: string): readonly Buffer[] {
  return message.options.filter((option) => option.name === name).map(({ value }) => value);
}

/** The value of an option that is a number; undefined when it is not there. */
export function findNumber(message: Pick<CoapMessage, 'options'>, name: string): number | undefined {
  const [value] = findOptions(message, name);
  if (value === undefined) return undefined;
  // An empty value is 0 (RFC 7252, §3.2); what is longer than six bytes is no number of ours.
  return value.length === 0 ? 0 : value.readUIntBE(0, Math.min(value.length, 6));
}

/** Makes an option of a number: in as few bytes as it needs, none for 0. Source: RFC 7252, §3.2. */
export function numberOption(name: string, value: number): CoapOption {
  let length = 0;
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) length += 1;
  const bytes = Buffer.alloc(length);
  if (length > 0) bytes.writeUIntBE(value, 0, length);
  return { name, value: bytes };
}

/** Makes options of the parts of a path or a query. */
export function textOptions(name: string, parts: readonly string[]): CoapOption[] {
  return parts.map((part) => ({ name, value: Buffer.from(part) }));
}

/** The block that an option tells of; undefined when it is not there. Errors: BAD_USER_INPUT. */
export function findBlock(
  message: Pick<CoapMessage, 'options'>,
  name: 'Block1' | 'Block2',
): Block | undefined {
  const value = findNumber(message, name);
  if (value === undefined) return undefined;
  const exponent = value & 0b111;
  // 7 is reserved (RFC 7959, §2.2).
  if (exponent === 7)
    throw new AegisError('BAD_USER_INPUT', `CoAP: expected a block of 16 to 1024 bytes in ${name}.`);
  return { number: Math.floor(value / 16), more: (value & 0b1000) !== 0, size: 2 ** (exponent + 4) };
}

/** Makes a block option. */
export function blockOption(name: 'Block1' | 'Block2', { number, more, size }: Block): CoapOption {
  return numberOption(name, number * 16 + (more ? 0b1000 : 0) + (Math.log2(size) - 4));
}
