/** Content formats that telemetry may come in, with the media types that they stand for. Source: IANA, CoRE Parameters. */
const MEDIA_TYPES: ReadonlyMap<number, string | undefined> = new Map([
  [0, 'text/plain'],
  // Bytes that only the device's profile can tell the meaning of.
  [42, undefined],
  [50, 'application/json'],
  [60, 'application/cbor'],
  [110, 'application/senml+json'],
  [112, 'application/senml+cbor'],
]);

export const TEXT = 0;
export const LINK_FORMAT = 40;
export const JSON_FORMAT = 50;
export const CBOR_FORMAT = 60;

/** Whether payloads of a content format are taken. */
export function isKnownFormat(format: number): boolean {
  return MEDIA_TYPES.has(format);
}

/** The media type of a content format; undefined where the device's profile says what its payloads are. */
export function findMediaType(format: number | undefined): string | undefined {
  return format === undefined ? undefined : MEDIA_TYPES.get(format);
}

/** What is expected, for messages. */
export const KNOWN_FORMATS = [...MEDIA_TYPES.keys()].join(', ');
