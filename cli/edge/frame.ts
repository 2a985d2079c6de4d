import { crc32 } from 'node:zlib';

/** A message of a device as the edge keeps it until the hub has it. */
export interface StoredMessage {
  /** The device's id or name. */
  readonly device: string;
  /** Microseconds since 1970, later than that of every message before, unless it was handed on before and refused. */
  readonly arrivedAtUs: number;
  readonly contentType: string | undefined;
  readonly payload: Uint8Array;
}

/** Length and checksum of what follows, each a big-endian u32. */
const HEADER_BYTES = 8;
/** Microseconds since 1970 (f64), and the lengths of the device's name and of the media type (u16 each). */
const FACTS_BYTES = 12;
/** The largest body that is believed: a damaged length must not have gigabytes read. */
const MAX_BODY_BYTES = 68_000_000;

/**
 * Writes a message as a frame: length, CRC-32 of the body, body. A frame whose checksum does not fit was never written
 * whole, or has been damaged since.
 */
export function encodeFrame({ device, arrivedAtUs, contentType = '', payload }: StoredMessage): Buffer {
  const name = Buffer.from(device);
  const type = Buffer.from(contentType);
  const bodyBytes = FACTS_BYTES + name.length + type.length + payload.length;
  const frame = Buffer.allocUnsafe(HEADER_BYTES + bodyBytes);
  frame.writeUInt32BE(bodyBytes, 0);
  frame.writeDoubleBE(arrivedAtUs, HEADER_BYTES);
  frame.writeUInt16BE(name.length, HEADER_BYTES + 8);
  frame.writeUInt16BE(type.length, HEADER_BYTES + 10);
  name.copy(frame, HEADER_BYTES + FACTS_BYTES);
  type.copy(frame, HEADER_BYTES + FACTS_BYTES + name.length);
  frame.set(payload, HEADER_BYTES + FACTS_BYTES + name.length + type.length);
  frame.writeUInt32BE(crc32(frame.subarray(HEADER_BYTES)), 4);
  return frame;
}

/** What stands at a place of a log. */
export type FrameReading =
  | { readonly kind: 'message'; readonly message: StoredMessage; readonly bytes: number }
  /** The frame goes on behind the end of what was read, or there is none; `bytes` of it are needed. */
  | { readonly kind: 'incomplete'; readonly bytes: number }
  /** What stands there is no frame. */
  | { readonly kind: 'damaged' };

/** Reads the frame at a place. */
export function decodeFrame(buffer: Buffer, at: number): FrameReading {
  if (at + HEADER_BYTES > buffer.length) return { kind: 'incomplete', bytes: HEADER_BYTES };
  const bodyBytes = buffer.readUInt32BE(at);
  if (bodyBytes < FACTS_BYTES || bodyBytes > MAX_BODY_BYTES) return { kind: 'damaged' };
  const bytes = HEADER_BYTES + bodyBytes;
  if (at + bytes > buffer.length) return { kind: 'incomplete', bytes };
  const body = buffer.subarray(at + HEADER_BYTES, at + bytes);
  if (crc32(body) !== buffer.readUInt32BE(at + 4)) return { kind: 'damaged' };
  const nameEnd = FACTS_BYTES + body.readUInt16BE(8);
  const typeEnd = nameEnd + body.readUInt16BE(10);
  if (typeEnd > body.length) return { kind: 'damaged' };
  const contentType = body.toString('utf8', nameEnd, typeEnd);
  const message = {
    device: body.toString('utf8', FACTS_BYTES, nameEnd),
    arrivedAtUs: body.readDoubleBE(0),
    contentType: contentType === '' ? undefined : contentType,
    // A copy: the buffer that it was read into is used again.
    payload: Uint8Array.from(body.subarray(typeEnd)),
  };
  return { kind: 'message', message, bytes };
}
