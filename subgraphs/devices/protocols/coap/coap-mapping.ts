import { z } from 'zod';
import type { Profile } from '../../profiles/profile.js';
import { CBOR_FORMAT, JSON_FORMAT, TEXT } from './coap-format.js';

const path = z.string().regex(/^\/?[^?#]{1,255}$/, 'expected a path such as /sensors/temperature');
const writeFormat = z.enum(['PLAIN_NUMBER', 'JSON', 'CBOR']);

const resource = z.strictObject({
  path,
  /** The property whose value it is, as plain text, JSON or CBOR; what several properties are in is left to the codec. */
  property: z.string().optional(),
  /** Whether it is observed; it is polled where the device declines. */
  observe: z.boolean().default(false),
  /** How often it is polled, in seconds. */
  intervalSeconds: z.number().min(1).max(86_400).default(60),
  accept: z.enum(['PLAIN_NUMBER', 'JSON', 'CBOR', 'SENML_JSON', 'SENML_CBOR']).optional(),
});

const MAPPING = z.strictObject({
  resources: z.array(resource).min(1).max(64),
  /** Where writable properties are put, by name. */
  properties: z
    .record(z.string(), z.strictObject({ path, format: writeFormat.default('PLAIN_NUMBER') }))
    .default({}),
  /** Where actions are posted, by name. */
  actions: z.record(z.string(), z.strictObject({ path, format: writeFormat.default('JSON') })).default({}),
});

/** How a device is read and told over CoAP: the part `coap` of its profile. */
export type CoapMapping = z.infer<typeof MAPPING>;

/** One of the resources that are read. */
export type CoapResource = CoapMapping['resources'][number];

/** How a value is written. */
export type WriteFormat = z.infer<typeof writeFormat>;

/** Content formats by the names that profiles have for them. */
export const FORMATS = {
  PLAIN_NUMBER: TEXT,
  JSON: JSON_FORMAT,
  CBOR: CBOR_FORMAT,
  SENML_JSON: 110,
  SENML_CBOR: 112,
} as const;

/** Reads the part `coap` of a profile; what is wrong with it in words when it cannot be used. */
export function parseCoapMapping(
  profile: Pick<Profile, 'coap'>,
): { readonly mapping: CoapMapping } | { readonly fault: string } {
  if (profile.coap === null) return { fault: 'its profile has no part for CoAP' };
  const parsed = MAPPING.safeParse(profile.coap);
  return parsed.success ? { mapping: parsed.data } : { fault: z.prettifyError(parsed.error) };
}
