import { encode } from 'cborg';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { Downlink, ReadQuestion } from '../../sessions/session.js';
import { toDownlinkJson } from '../downlink-json.js';
import { CBOR_FORMAT, JSON_FORMAT } from './coap-format.js';
import type { CoapReply } from './coap-request.js';

/** What a device observes to be told something. */
export type DownlinkResource = 'commands' | 'desired' | 'reads';

/** By which of them a device is told what. */
export const DOWNLINK_RESOURCES = { command: 'commands', desired: 'desired', read: 'reads' } as const;

/** Writes a value as JSON or, when the client asks for that, as CBOR. */
export function toBody(
  value: unknown,
  accept: number | undefined,
): Pick<CoapReply, 'contentFormat' | 'payload'> {
  if (accept === CBOR_FORMAT) return { contentFormat: CBOR_FORMAT, payload: Buffer.from(encode(value)) };
  return { contentFormat: JSON_FORMAT, payload: Buffer.from(JSON.stringify(value)) };
}

/** Errors: BAD_USER_INPUT when it can be given in no format that the client takes. */
export function checkAccept(accept: number | undefined): void {
  if (accept === undefined || accept === JSON_FORMAT || accept === CBOR_FORMAT) return;
  throw new AegisError('BAD_USER_INPUT', `CoAP: expected Accept 50 (JSON) or 60 (CBOR), got ${accept}.`);
}

/** The notification of something that is sent down to a device. */
export function toDownlinkReply(
  downlink: Downlink | ReadQuestion,
  accept: number | undefined,
  nowMs: number,
): CoapReply {
  const body = toBody(toDownlinkJson(downlink), accept);
  if (downlink.kind === 'desired') return { code: '2.05', ...body };
  const leftMs = downlink.expiresAt.getTime() - nowMs;
  return { code: '2.05', maxAge: Math.max(0, Math.ceil(leftMs / 1_000)), ...body };
}
