import { z } from 'zod';
import { isMetricName, METRIC_NAME_RULE } from '../metric-name.js';
import type { Profile } from './profile.js';

/** A profile before it has a version. */
export type ProfileDefinition = Omit<Profile, 'version'>;

/** The most properties of a profile, and metrics of a device. */
const MAX_PROPERTIES = 256;
const MAX_AFFORDANCES = 64;
const PROFILE_NAME = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

const text = z
  .string()
  .max(1_000)
  .refine((value) => !value.includes('\u0000'), 'expected no NUL');
const description = text.nullish().transform((value) => value ?? null);
const name = z.string().refine(isMetricName, `expected ${METRIC_NAME_RULE}`);
const finite = z.number();
const bound = finite.nullish().transform((value) => value ?? null);
const data = z.record(z.string(), z.unknown());
const schema = data.nullish().transform((value) => value ?? null);
const section = data.nullish().transform((value) => value ?? null);

const calibration = z
  .strictObject({ gain: finite.nullish(), offset: finite.nullish() })
  .nullish()
  .transform((value) => ({ gain: value?.gain ?? 1, offset: value?.offset ?? 0 }));

const property = z.strictObject({
  name,
  description,
  type: z
    .enum(['NUMBER', 'INTEGER', 'BOOLEAN', 'STATE'])
    .nullish()
    .transform((value) => value ?? 'NUMBER'),
  unit: z
    .string()
    .nullish()
    .transform((value) => value ?? '1'),
  minimum: bound,
  maximum: bound,
  resolution: bound,
  states: z
    .array(z.string().min(1).max(63))
    .max(64)
    .nullish()
    .transform((value) => value ?? []),
  calibration,
  writable: z
    .boolean()
    .nullish()
    .transform((value) => value ?? false),
});

const action = z.strictObject({
  name,
  description,
  input: schema,
  output: schema,
  timeoutSeconds: z
    .int()
    .min(1)
    .max(604_800)
    .nullish()
    .transform((value) => value ?? 60),
  payload: z
    .enum(['envelope', 'input'])
    .nullish()
    .transform((value) => value ?? 'envelope'),
});

const event = z.strictObject({ name, description, data: schema });

const codec = z
  .strictObject({
    kind: z.enum(['JSON', 'CBOR', 'SENML_JSON', 'SENML_CBOR', 'SPARKPLUG_B', 'PLAIN_NUMBER', 'JSONATA']),
    expression: z.string().min(1).max(8_000).nullish(),
    property: z.string().nullish(),
  })
  .nullish()
  .transform((value) => ({
    kind: value?.kind ?? 'JSON',
    ...(value?.expression == null ? {} : { expression: value.expression }),
    ...(value?.property == null ? {} : { property: value.property }),
  }));

/** The shape of a profile, as a file of the catalogue and `defineDeviceProfile` have it; what is left out is filled in. */
export const PROFILE_DEFINITION = z.strictObject({
  name: z
    .string()
    .regex(PROFILE_NAME, 'expected 1 to 63 lower-case letters, digits and dashes, beginning with a letter'),
  title: z.string().trim().min(1).max(100),
  description,
  properties: z.array(property).min(1).max(MAX_PROPERTIES),
  actions: z
    .array(action)
    .max(MAX_AFFORDANCES)
    .nullish()
    .transform((value) => value ?? []),
  events: z
    .array(event)
    .max(MAX_AFFORDANCES)
    .nullish()
    .transform((value) => value ?? []),
  codec,
  fusion: z
    .record(z.string(), data)
    .nullish()
    .transform((value) => value ?? {}),
  alarms: z
    .array(data)
    .max(MAX_AFFORDANCES)
    .nullish()
    .transform((value) => value ?? []),
  retentionHours: z
    .int()
    .min(1)
    .max(87_600)
    .nullish()
    .transform((value) => value ?? null),
  bluetooth: section,
  coap: section,
});
