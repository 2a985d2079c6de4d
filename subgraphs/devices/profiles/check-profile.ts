import { Ajv2020 } from 'ajv/dist/2020.js';
import type { z } from 'zod';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { checkAlarmRule, type AlarmRule } from '../alarms/rules/alarm-rule.js';
import { checkFusion } from '../fusion/check-fusion.js';
import type { UserError } from '../generated/schema-types.js';
import { parseBluetoothMapping } from '../protocols/bluetooth/bluetooth-mapping.js';
import { parseCoapMapping } from '../protocols/coap/coap-mapping.js';
import { checkMetric } from './check-metric.js';
import { PROFILE_DEFINITION, type ProfileDefinition } from './profile-definition.js';
import type { JsonSchema, ProfileCodec } from './profile.js';
import type { Units } from './units.js';

/** What came of a check: the profile with what was left out filled in, or everything that is wrong with it. */
export type CheckedProfile =
  { readonly definition: ProfileDefinition } | { readonly errors: readonly UserError[] };

/** Checks a profile, as a file of the catalogue or `defineDeviceProfile` has it. */
export type CheckProfile = (document: unknown) => CheckedProfile;

export interface ProfileCheckDeps {
  readonly units: Units;
  /** Why an expression of JSONATA cannot be read; undefined when it can. */
  readonly findExpressionFault: (expression: string) => string | undefined;
}

/** The largest definition, as JSON: enough for 256 properties with a text each. */
const MAX_CHARACTERS = 256 * 1_024;
const MAX_SCHEMA_CHARACTERS = 16 * 1_024;

/** Makes the check of profiles. */
export function createProfileCheck({ units, findExpressionFault }: ProfileCheckDeps): CheckProfile {
  return (document) => {
    const parsed = PROFILE_DEFINITION.safeParse(document);
    if (!parsed.success) return { errors: parsed.error.issues.map(toUserError) };
    const definition: ProfileDefinition = parsed.data;
    const errors = [
      ...checkSize(definition),
      ...definition.properties.flatMap((property, index) =>
        checkMetric(property, ['properties', String(index)], units),
      ),
      ...(['properties', 'actions', 'events'] as const).flatMap((list) => checkNames(definition, list)),
      ...checkSchemas(definition),
      ...checkCodec(definition, findExpressionFault),
      ...checkFusionDefaults(definition),
      ...checkAlarms(definition),
      ...checkProtocols(definition),
    ];
    return errors.length > 0 ? { errors } : { definition };
  };
}

function toUserError({ path, message }: z.core.$ZodIssue): UserError {
  return refuse(path.map(String), `${message.charAt(0).toUpperCase()}${message.slice(1)}.`);
}

function checkSize(definition: ProfileDefinition): UserError[] {
  const characters = JSON.stringify(definition).length;
  if (characters > MAX_CHARACTERS)
    return [refuse([], `Expected at most ${MAX_CHARACTERS} characters as JSON, got ${characters}.`)];
  // Texts of Postgres have no NUL, also not inside of JSON.
  return JSON.stringify(definition).includes('\\u0000') ? [refuse([], 'Expected texts without NUL.')] : [];
}

function checkNames(definition: ProfileDefinition, list: 'properties' | 'actions' | 'events'): UserError[] {
  const names = definition[list].map(({ name }) => name);
  return names.flatMap((name, index) =>
    names.indexOf(name) === index
      ? []
      : [
          refuse(
            [list, String(index), 'name'],
            `Expected each name once, got ${JSON.stringify(name)} again.`,
          ),
        ],
  );
}

function checkSchemas({ actions, events }: ProfileDefinition): UserError[] {
  const places = [
    ...actions.flatMap(({ input, output }, index) => [
      { path: ['actions', String(index), 'input'], schema: input },
      { path: ['actions', String(index), 'output'], schema: output },
    ]),
    ...events.map(({ data }, index) => ({ path: ['events', String(index), 'data'], schema: data })),
  ];
  return places.flatMap(({ path, schema }) => {
    const fault = schema && findSchemaFault(schema);
    return fault == null ? [] : [refuse(path, `Expected a JSON Schema (draft 2020-12): ${fault}.`)];
  });
}

function findSchemaFault(schema: JsonSchema): string | undefined {
  const { length } = JSON.stringify(schema);
  if (length > MAX_SCHEMA_CHARACTERS)
    return `at most ${MAX_SCHEMA_CHARACTERS} characters are taken, got ${length}`;
  try {
    // A new one for each: a schema with an id is known to it from then on.
    new Ajv2020({ strict: false, logger: false, validateFormats: false }).compile(schema);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.slice(0, 200) : String(error);
  }
}

function checkCodec(
  { codec, properties }: ProfileDefinition,
  findExpressionFault: ProfileCheckDeps['findExpressionFault'],
): UserError[] {
  const errors = checkCodecFields(codec);
  if (codec.kind === 'JSONATA' && codec.expression !== undefined) {
    const fault = findExpressionFault(codec.expression);
    if (fault !== undefined)
      errors.push(refuse(['codec', 'expression'], `Expected an expression of JSONata: ${fault}`));
  }
  if (codec.kind !== 'PLAIN_NUMBER') return errors;
  const names = properties.map(({ name }) => name);
  if (codec.property === undefined && names.length > 1) {
    errors.push(
      refuse(['codec', 'property'], 'Expected the name of a property, as there are several, got nothing.'),
    );
  }
  if (codec.property !== undefined && !names.includes(codec.property)) {
    const message = `Expected the name of a property, got ${JSON.stringify(codec.property.slice(0, 64))}.`;
    errors.push(refuse(['codec', 'property'], message));
  }
  return errors;
}

function checkCodecFields({ kind, expression, property }: ProfileCodec): UserError[] {
  const errors: UserError[] = [];
  if ((kind === 'JSONATA') !== (expression !== undefined)) {
    const wanted = kind === 'JSONATA' ? 'Expected an expression, got nothing.' : `A codec ${kind} has none.`;
    errors.push(refuse(['codec', 'expression'], wanted));
  }
  if (kind !== 'PLAIN_NUMBER' && property !== undefined)
    errors.push(refuse(['codec', 'property'], `A codec ${kind} has none.`));
  return errors;
}

/** Each is checked as if somebody asked for a fusion with it. */
function checkFusionDefaults({ fusion, properties }: ProfileDefinition): UserError[] {
  const names = new Set(properties.map(({ name }) => name));
  return Object.entries(fusion).flatMap(([name, config]) => {
    if (!names.has(name))
      return [refuse(['fusion'], `Expected names of properties, got ${JSON.stringify(name.slice(0, 64))}.`)];
    const fault = findFusionFault(name, config);
    return fault === undefined ? [] : [refuse(['fusion', name], fault)];
  });
}

const FUSION_FIELDS: ReadonlyMap<string, string> = new Map([
  ['method', 'string'],
  ['alignment', 'string'],
  ...[
    'stepMs',
    'maxGapMs',
    'defaultVariance',
    'outlierThreshold',
    'stateResolution',
    'driftVariance',
    'accelerationVariance',
  ].map((field) => [field, 'number'] as const),
]);
const FUSION_METHODS = ['INVERSE_VARIANCE', 'KALMAN_LEVEL', 'KALMAN_VELOCITY', 'MEDIAN', 'MAJORITY'];
const ALIGNMENTS = ['NEAREST', 'LINEAR', 'ZERO_ORDER_HOLD'];
/** A range in which every step is taken. */
const RANGE = { from: new Date(0), to: new Date(1) };

function findFusionFault(metric: string, config: Readonly<Record<string, unknown>>): string | undefined {
  const wrong = Object.entries(config).find(([field, value]) => FUSION_FIELDS.get(field) !== typeof value);
  if (wrong) {
    const [field] = wrong;
    const type = FUSION_FIELDS.get(field);
    return type === undefined
      ? `Expected fields of FuseReadingsConfig (${[...FUSION_FIELDS.keys()].join(', ')}), got ${JSON.stringify(field.slice(0, 64))}.`
      : `${field}: expected a ${type}.`;
  }
  for (const [field, values] of [['method', FUSION_METHODS] as const, ['alignment', ALIGNMENTS] as const]) {
    const value = config[field];
    if (typeof value === 'string' && !values.includes(value))
      return `${field}: expected one of ${values.join(', ')}.`;
  }
  try {
    checkFusion({ deviceIds: ['any'], metric, range: RANGE, config }, RANGE.to);
    return undefined;
  } catch (error) {
    if (error instanceof AegisError) return error.message;
    throw error;
  }
}

function checkAlarms({ alarms, properties }: ProfileDefinition): UserError[] {
  const declared = new Set(properties.map(({ name }) => name));
  return alarms.flatMap((alarm, index) => {
    const path = ['alarms', String(index)];
    const checked = checkAlarmRule(alarm);
    if ('mistakes' in checked)
      return checked.mistakes.map((mistake) => refuse([...path, ...mistake.path], mistake.message));
    const strange = metricsOf(checked.rule).find((metric) => !declared.has(metric));
    if (strange === undefined) return [];
    return [
      refuse([...path, 'condition'], `Expected properties of the profile, got ${JSON.stringify(strange)}.`),
    ];
  });
}

/** The metrics that a rule names; those of an expression are looked up when it is evaluated. */
function metricsOf({ condition }: AlarmRule): string[] {
  const { threshold, rate, noData, quality, geofence } = condition;
  const named = [threshold?.metric, rate?.metric, noData?.metric, quality?.metric];
  const places = geofence ? [geofence.latitudeMetric, geofence.longitudeMetric] : [];
  return [...named, ...places].filter((metric) => metric !== undefined);
}

function checkProtocols(definition: ProfileDefinition): UserError[] {
  const parts = [
    definition.coap && { path: 'coap', parsed: parseCoapMapping(definition) },
    definition.bluetooth && { path: 'bluetooth', parsed: parseBluetoothMapping(definition) },
  ];
  return parts.flatMap((part) =>
    part && 'fault' in part.parsed
      ? [refuse([part.path], `Expected what the protocol can use: ${part.parsed.fault}`)]
      : [],
  );
}

function refuse(path: string[], message: string): UserError {
  return { code: 'BAD_USER_INPUT', message, path };
}
