import { decode } from 'cborg';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { Uplink } from '../protocol.js';
import { CBOR_FORMAT, JSON_FORMAT, TEXT } from './coap-format.js';
import { requirePayload, type CoapReply, type CoapRequest } from './coap-request.js';
import { checkAccept, toBody } from './downlink-reply.js';

/**
 * Trades a claim code: `{"code", "name"?}` as JSON or CBOR, or the code alone as text, for
 * `{"workspace", "deviceId", "name", "token"}`.
 */
export async function provision(request: CoapRequest, { claim }: Pick<Uplink, 'claim'>): Promise<CoapReply> {
  checkAccept(request.accept);
  const { code, name } = readClaim(request);
  const {
    workspace,
    deviceId,
    name: given,
    token,
  } = await claim(code, { name, address: request.remote.address });
  return { code: '2.01', maxAge: 0, ...toBody({ workspace, deviceId, name: given, token }, request.accept) };
}

function readClaim(request: CoapRequest): { readonly code: string; readonly name: string | undefined } {
  const payload = requirePayload(request);
  if (request.contentFormat === TEXT) return { code: payload.toString('utf8').trim(), name: undefined };
  const document = parse(payload, request.contentFormat ?? JSON_FORMAT);
  const { code, name } = (document ?? {}) as { readonly code?: unknown; readonly name?: unknown };
  if (typeof code !== 'string' || code.length > 256 || (name !== undefined && typeof name !== 'string')) {
    throw new AegisError(
      'BAD_USER_INPUT',
      'CoAP: expected {"code": "…", "name": "…"}; the name may be left out.',
    );
  }
  return { code, name };
}

function parse(payload: Buffer, format: number): unknown {
  try {
    if (format === CBOR_FORMAT) return decode(payload);
    if (format === JSON_FORMAT) return JSON.parse(payload.toString('utf8'));
  } catch {
    // What it is not is said below.
  }
  throw new AegisError('BAD_USER_INPUT', 'CoAP: expected a claim as JSON (50), CBOR (60) or text (0).');
}
