import { decode, encode } from 'cborg';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { Delivery, Downlink } from '../../sessions/session.js';
import type { ReachedDevice } from '../../endpoints/endpoints.js';
import type { Endpoint } from '../../endpoints/endpoint.js';
import type { Uplink } from '../protocol.js';
import type { CoapAnswer, CoapExchange } from './coap-exchange.js';
import { CBOR_FORMAT, JSON_FORMAT } from './coap-format.js';
import { FORMATS, type CoapMapping, type WriteFormat } from './coap-mapping.js';
import type { Remote } from './coap-message.js';

/** A device that serves CoAP. */
export type CoapDevice = ReachedDevice<Extract<Endpoint, { kind: 'coap' }>>;

export interface CoapDownlinkDeps {
  readonly device: CoapDevice;
  readonly mapping: CoapMapping;
  readonly remote: Remote;
  readonly exchange: CoapExchange;
  readonly uplink: Pick<Uplink, 'answer' | 'report'>;
}

/**
 * Tells a device that serves CoAP what to do: an action is a POST whose answer is the answer of the command, a desired value
 * is a PUT, and what was put is reported by the device's word for it. Errors: UNAVAILABLE when it does not answer.
 */
export async function sendByCoap(
  downlink: Downlink,
  deps: CoapDownlinkDeps,
  signal: AbortSignal,
): Promise<Delivery> {
  if (downlink.kind === 'desired') await putDesired(downlink.desired, deps, signal);
  else await postAction(downlink, deps, signal);
  return 'DELIVERED';
}

async function postAction(
  { id, action, input }: Extract<Downlink, { kind: 'command' }>,
  deps: CoapDownlinkDeps,
  signal: AbortSignal,
): Promise<void> {
  const place = deps.mapping.actions[action];
  const answer = place
    ? await write('POST', place.path, { value: input ?? null, format: place.format }, deps, signal)
    : undefined;
  const { workspace, deviceId } = deps.device;
  const payload = Buffer.from(JSON.stringify(answer ? toOutcome(answer) : unmapped(action)));
  await deps.uplink.answer({ workspace, device: deviceId, commandId: id, payload });
}

function unmapped(action: string): unknown {
  return { state: 'FAILED', error: `its profile does not tell where ${action} is posted over CoAP` };
}

function toOutcome(answer: CoapAnswer): unknown {
  if (answer.code.startsWith('2.')) {
    const output = readBody(answer);
    return { state: 'EXECUTED', ...(output === undefined ? {} : { output }) };
  }
  return { state: 'FAILED', error: describe(answer) };
}

async function putDesired(
  desired: Readonly<Record<string, unknown>>,
  deps: CoapDownlinkDeps,
  signal: AbortSignal,
): Promise<void> {
  const reported: Record<string, unknown> = {};
  const refused: string[] = [];
  for (const [property, value] of Object.entries(desired)) {
    const place = deps.mapping.properties[property];
    // What is not written over CoAP is none of this device's doing.
    if (!place) continue;
    const answer = await write('PUT', place.path, { value, format: place.format }, deps, signal);
    if (answer.code.startsWith('2.')) reported[property] = value;
    else refused.push(`${property}: ${describe(answer)}`);
  }
  const { workspace, deviceId } = deps.device;
  if (Object.keys(reported).length > 0) {
    const payload = Buffer.from(JSON.stringify(reported));
    await deps.uplink.report({ workspace, device: deviceId, payload });
  }
  if (refused.length > 0)
    throw new AegisError('UNAVAILABLE', `CoAP: the device does not take ${refused.join('; ')}.`);
}

function write(
  method: 'POST' | 'PUT',
  path: string,
  { value, format }: { readonly value: unknown; readonly format: WriteFormat },
  { device, remote, exchange }: CoapDownlinkDeps,
  signal: AbortSignal,
): Promise<CoapAnswer> {
  return exchange.call(
    {
      ...{ method, remote, contentFormat: FORMATS[format], payload: toBytes(value, format) },
      path: toPath(device, path),
    },
    signal,
  );
}

function toBytes(value: unknown, format: WriteFormat): Buffer {
  if (format === 'CBOR') return Buffer.from(encode(value));
  // A number is written the same as text and as JSON.
  return Buffer.from(format === 'JSON' || typeof value !== 'string' ? JSON.stringify(value) : value);
}

/** The parts of a path under the base of a device. */
export function toPath({ endpoint }: CoapDevice, path: string): string[] {
  return [...endpoint.base, ...path.split('/').filter((part) => part !== '')];
}

/** A refusal of a device in words. */
export function describe({ code, payload }: CoapAnswer): string {
  const text = payload.subarray(0, 200).toString('utf8');
  return text === '' ? `it answered ${code}` : `it answered ${code} ${JSON.stringify(text)}`;
}

/** A value that a device sends: JSON, CBOR, or text that may be a number. Undefined for nothing, and for what cannot be read. */
export function readBody({ contentFormat, payload }: CoapAnswer): unknown {
  if (payload.length === 0) return undefined;
  try {
    if (contentFormat === CBOR_FORMAT) return decode(payload);
    if (contentFormat === JSON_FORMAT) return JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined;
  }
  const text = payload.toString('utf8').trim();
  if (text === 'true' || text === 'false') return text === 'true';
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}
