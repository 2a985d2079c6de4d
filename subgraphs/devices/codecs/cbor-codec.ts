import type { Codec } from './codec.js';
import { parseCbor, toJsonDocument } from './parse-cbor.js';
import { readTelemetryDocument } from './telemetry-document.js';

/** Our own JSON in CBOR: see {@link readTelemetryDocument}. Source: RFC 8949. */
export const cborCodec: Codec = {
  kind: 'CBOR',
  decode: (payload) => readTelemetryDocument(toJsonDocument(parseCbor(payload))),
};
