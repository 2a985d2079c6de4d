import { z } from 'zod';
import type { Profile } from '../../profiles/profile.js';
import { GATT_FORMATS } from './gatt-value.js';

/** A 16-bit UUID stands for one under the base UUID. Source: Bluetooth Core 5.4, Vol 3, Part B, §2.5.1. */
const BASE = '-0000-1000-8000-00805f9b34fb';

const uuid = z
  .string()
  .regex(
    /^([0-9a-f]{4}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i,
    'expected a UUID, or the 16 bits of one as hex',
  )
  .transform((text) => (text.length === 4 ? `0000${text}${BASE}` : text).toLowerCase());

const format = z.enum(GATT_FORMATS);

const field = {
  format,
  /** Where the value begins, in bytes. */
  offset: z.int().min(0).max(511).default(0),
  /** Of an unsigned number: where it begins, in bits from the least one, and how many it has. */
  bitOffset: z.int().min(0).max(63).default(0),
  bits: z.int().min(1).max(63).optional(),
  /** What the number is multiplied with to be in the unit of the property. */
  scale: z
    .number()
    .refine((scale) => scale !== 0)
    .default(1),
  bigEndian: z.boolean().default(false),
  /** The number, before it is multiplied, that means that there is no value. */
  unknown: z.number().optional(),
};

const characteristic = z.strictObject({
  ...{ service: uuid, characteristic: uuid },
  property: z.string(),
  ...field,
  /** Whether it is told of changes; where it can, when left out. */
  notify: z.boolean().optional(),
  /** How often it is read when it is not, in seconds. */
  intervalSeconds: z.number().min(1).max(86_400).default(60),
  /** Whether desired values of the property are written to it. */
  write: z.boolean().default(false),
});

const action = z.strictObject({
  ...{ service: uuid, characteristic: uuid },
  /** What is written, as hex; or the value of a field of the input. */
  value: z
    .string()
    .regex(/^([0-9a-f]{2}){1,512}$/i)
    .optional(),
  field: z.string().optional(),
  ...field,
  format: format.default('uint8'),
});

const MAPPING = z.strictObject({
  characteristics: z.array(characteristic).min(1).max(128),
  actions: z.record(z.string(), action).default({}),
});

/** How a device is read and told over Bluetooth: the part `bluetooth` of its profile. */
export type BluetoothMapping = z.infer<typeof MAPPING>;

/** A value of a characteristic. Several may be in one. */
export type MappedCharacteristic = BluetoothMapping['characteristics'][number];

/** Reads the part `bluetooth` of a profile; what is wrong with it in words when it cannot be used. */
export function parseBluetoothMapping(
  profile: Pick<Profile, 'bluetooth'>,
): { readonly mapping: BluetoothMapping } | { readonly fault: string } {
  if (profile.bluetooth === null) return { fault: 'its profile has no part for Bluetooth' };
  const parsed = MAPPING.safeParse(profile.bluetooth);
  return parsed.success ? { mapping: parsed.data } : { fault: z.prettifyError(parsed.error) };
}
