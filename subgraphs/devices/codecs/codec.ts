import type { ProfileCodec } from '../profiles/profile.js';

/** How good a value is. Source: the words of OPC UA Part 8, §6.3.2, with STALE and SIMULATED told apart. */
export type Quality = 'GOOD' | 'UNCERTAIN' | 'BAD' | 'STALE' | 'SIMULATED';

/** A value as a payload brings it: decoded, not yet checked, calibrated or converted. */
export interface RawReading {
  /** As the payload names it: a metric of the device, or something that it does not declare. */
  readonly metric: string;
  readonly value: number | boolean | string;
  /** UCUM code of the unit that it came in; undefined means that of the declaration. */
  readonly unit?: string | undefined;
  /** Microseconds since 1970-01-01T00:00Z by the device's clock; undefined means when it arrived. */
  readonly measuredAtUs?: number | undefined;
  /** GOOD when undefined. */
  readonly quality?: Quality | undefined;
  /** The device's own count of what it sends, by which a repeated delivery is known; undefined when it does not count. */
  readonly sequence?: bigint | undefined;
  /** Which start of the device the count belongs to, 1 to 64 characters; undefined when it does not tell. */
  readonly boot?: string | undefined;
}

/** What a codec may need to know beside the payload. */
export interface CodecContext {
  /** Microseconds since 1970: what relative times are relative to. */
  readonly arrivedAtUs: number;
  /** The names of the device's metrics, for formats whose names are not only ours. */
  readonly metrics?: Pick<ReadonlyMap<string, unknown>, 'has' | 'keys' | 'size'> | undefined;
}

/**
 * Turns the bytes of one message into values.
 *
 * Errors: BAD_USER_INPUT or PAYLOAD_TOO_LARGE that says what was expected and what came; nothing else is thrown.
 */
export interface Codec {
  readonly kind: ProfileCodec['kind'];
  decode(payload: Uint8Array, context: CodecContext): RawReading[] | Promise<RawReading[]>;
}
