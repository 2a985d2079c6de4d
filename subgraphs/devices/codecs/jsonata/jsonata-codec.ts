import type { Codec } from '../codec.js';
import { parseJson } from '../json-codec.js';
import { refusePayload } from '../refuse-payload.js';
import { readTelemetryDocument } from '../telemetry-document.js';
import type { MappingWorker } from './mapping-worker.js';

/**
 * Makes the codec of foreign JSON: an expression of JSONata makes our own telemetry of it.
 *
 * Source: JSONata 2 (https://docs.jsonata.org).
 */
export function createJsonataCodec(expression: string, worker: Pick<MappingWorker, 'evaluate'>): Codec {
  return {
    kind: 'JSONATA',
    async decode(payload) {
      // What is no JSON is refused as by the other codecs.
      parseJson(payload);
      const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8');
      const mapped = await worker.evaluate(expression, text);
      if (mapped === undefined) throw refusePayload('the mapping of the profile gave nothing');
      return readTelemetryDocument(JSON.parse(mapped));
    },
  };
}
