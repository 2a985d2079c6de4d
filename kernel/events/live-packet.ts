import { AegisError } from '../errors/aegis-error.js';

/** Messages of one topic as they travel between processes. */
export interface LivePacket {
  /** The process that published them. */
  readonly origin: string;
  /** Counts the origin's packets of this topic from 1: a number left out is a packet lost. */
  readonly number: number;
  readonly messages: readonly unknown[];
}

/** `<origin> <number> <JSON array>`: what is needed to tell one's own packets and lost ones stands before the JSON. */
const PACKET = /^(?<origin>[0-9a-f]{16}) (?<number>[1-9]\d{0,15}) (?<body>\[.*\])$/s;

/** The most bytes that origin and number take. */
const HEADER_BYTES = 16 + 1 + 16 + 1;

/**
 * Packs messages, in their order, into as few JSON arrays as fit.
 *
 * Errors: PAYLOAD_TOO_LARGE for a message that does not fit alone; TypeError for one that is no JSON value.
 *
 * @param maxBytes of one packet, header and body, in UTF-8.
 */
export function packMessages(messages: readonly unknown[], maxBytes: number): readonly string[] {
  const roomBytes = maxBytes - HEADER_BYTES;
  const bodies: string[] = [];
  let texts: string[] = [];
  let bytes = 2;
  for (const message of messages) {
    const text = toJson(message);
    const textBytes = Buffer.byteLength(text) + 1;
    if (textBytes + 2 > roomBytes) {
      throw new AegisError(
        'PAYLOAD_TOO_LARGE',
        `expected a live message of at most ${roomBytes - 3} bytes of JSON, got ${textBytes - 1}. ` +
          'Store the whole and announce a part of it.',
      );
    }
    if (bytes + textBytes > roomBytes) {
      bodies.push(`[${texts.join(',')}]`);
      texts = [];
      bytes = 2;
    }
    texts.push(text);
    bytes += textBytes;
  }
  if (texts.length > 0) bodies.push(`[${texts.join(',')}]`);
  return bodies;
}

function toJson(message: unknown): string {
  // Of what has no JSON form JSON.stringify makes undefined, whatever its type says.
  const text = JSON.stringify(message) as string | undefined;
  if (text === undefined)
    throw new TypeError(`expected a live message to be a JSON value, got ${typeof message}`);
  return text;
}

/**
 * Puts the header before a body.
 *
 * @param body one of the texts that {@link packMessages} gives; `[]` carries nothing but its number.
 */
export function encodePacket(origin: string, number: number, body: string): string {
  return `${origin} ${number} ${body}`;
}

/** Reads a packet; undefined when it is none of ours. The messages are checked by whoever uses them. */
export function decodePacket(payload: string): LivePacket | undefined {
  const { origin, number, body } = PACKET.exec(payload)?.groups ?? {};
  if (origin === undefined || number === undefined || body === undefined) return undefined;
  try {
    return { origin, number: Number(number), messages: JSON.parse(body) as unknown[] };
  } catch {
    return undefined;
  }
}

/** Whether a payload is of this origin, without reading the rest of it. */
export function isFrom(origin: string, payload: string): boolean {
  return payload.startsWith(`${origin} `);
}
