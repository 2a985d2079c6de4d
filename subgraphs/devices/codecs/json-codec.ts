import type { Codec } from './codec.js';
import { refusePayload } from './refuse-payload.js';
import { readTelemetryDocument } from './telemetry-document.js';

/** Our own JSON: see {@link readTelemetryDocument}. Source: RFC 8259. */
export const jsonCodec: Codec = {
  kind: 'JSON',
  decode: (payload) => readTelemetryDocument(parseJson(payload)),
};

/** Reads a payload that is to be JSON. Errors: BAD_USER_INPUT. */
export function parseJson(payload: Uint8Array): unknown {
  if (payload.byteLength === 0)
    throw refusePayload('the payload is empty; send a JSON object of metrics and values');
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    throw refusePayload(`expected JSON, got ${JSON.stringify(text.slice(0, 64))}`);
  }
}
