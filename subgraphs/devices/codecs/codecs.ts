import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { ProfileCodec } from '../profiles/profile.js';
import type { DecodePayload } from '../readings/ingestion.js';
import type { KnownDevice } from '../readings/known-devices.js';
import { cborCodec } from './cbor-codec.js';
import type { Codec } from './codec.js';
import { jsonCodec } from './json-codec.js';
import { createJsonataCodec } from './jsonata/jsonata-codec.js';
import { createMappingWorker, type MappingWorkerOptions } from './jsonata/mapping-worker.js';
import { createPlainNumberCodec } from './plain-number-codec.js';
import { senmlCborCodec, senmlJsonCodec } from './senml/senml-codec.js';
import { sparkplugCodec } from './sparkplug/sparkplug-codec.js';

/** All formats of payloads. */
export interface Codecs {
  /**
   * Decodes a message by its media type, or by the codec of its device's profile where that tells nothing more: JSON for
   * a device without one. A device whose profile says JSONATA has foreign JSON, whatever calls it JSON.
   *
   * Errors: BAD_USER_INPUT for a media type that is none of ours, and those of the codec.
   */
  readonly decode: DecodePayload;
  close(): Promise<void>;
}

/** Media types that name their format. */
const BY_TYPE: ReadonlyMap<string, Codec> = new Map([
  ['application/cbor', cborCodec],
  ['application/senml+json', senmlJsonCodec],
  ['application/senml+cbor', senmlCborCodec],
  // What SenML was called before RFC 8428.
  ['application/sensml+json', senmlJsonCodec],
  ['application/sensml+cbor', senmlCborCodec],
  ['application/vnd.eclipse.sparkplug.b', sparkplugCodec],
]);
/** Media types that say nothing of the format: what the profile says counts. */
const SAYS_NOTHING: ReadonlySet<string> = new Set([
  '',
  'application/octet-stream',
  'application/x-www-form-urlencoded',
  'text/plain',
  '*/*',
]);
const JSON_TYPE = 'application/json';
/** Formats of a profile that are JSON as well: a sender that calls them JSON is right. */
const FOREIGN_JSON: ReadonlySet<Codec['kind']> = new Set(['JSONATA', 'SENML_JSON', 'PLAIN_NUMBER']);

/** Makes the formats. The thread of mappings starts with the first one. */
export function createCodecs(options: MappingWorkerOptions = {}): Codecs {
  const worker = createMappingWorker(options);
  /** Those that are made for a profile: for as long as the profile is remembered. */
  const made = new WeakMap<ProfileCodec, Codec>();

  function ofProfile({ profile }: KnownDevice): Codec {
    if (!profile) return jsonCodec;
    const known = made.get(profile.codec);
    if (known) return known;
    const codec = makeCodec(profile.codec, profile.properties[0]?.name ?? '');
    made.set(profile.codec, codec);
    return codec;
  }

  function makeCodec({ kind, expression = '', property }: ProfileCodec, firstProperty: string): Codec {
    switch (kind) {
      case 'JSON':
        return jsonCodec;
      case 'CBOR':
        return cborCodec;
      case 'SENML_JSON':
        return senmlJsonCodec;
      case 'SENML_CBOR':
        return senmlCborCodec;
      case 'SPARKPLUG_B':
        return sparkplugCodec;
      case 'PLAIN_NUMBER':
        return createPlainNumberCodec(property ?? firstProperty);
      case 'JSONATA':
        return createJsonataCodec(expression, worker);
    }
  }

  function choose(contentType: string | undefined, device: KnownDevice): Codec {
    // The usual case first: no media type and no profile.
    if (contentType === undefined) return ofProfile(device);
    const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
    if (type === JSON_TYPE) {
      const codec = ofProfile(device);
      return FOREIGN_JSON.has(codec.kind) ? codec : jsonCodec;
    }
    if (SAYS_NOTHING.has(type)) return ofProfile(device);
    const codec = BY_TYPE.get(type);
    if (codec) return codec;
    throw new AegisError(
      'BAD_USER_INPUT',
      `telemetry: expected one of the media types ${[JSON_TYPE, ...BY_TYPE.keys()].join(', ')}, or none, ` +
        `got ${JSON.stringify(type.slice(0, 64))}.`,
    );
  }

  return {
    decode: ({ payload, contentType }, device, { arrivedAtUs }) =>
      choose(contentType, device).decode(payload, { arrivedAtUs, metrics: device.metrics }),
    close: () => worker.close(),
  };
}
