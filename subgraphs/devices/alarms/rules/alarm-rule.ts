import { z } from 'zod';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { parseLabelSelector } from '../../fleet/selection/label-selector.js';
import { isMetricName } from '../../metric-name.js';
import { SEVERITIES } from '../alarm.js';
import { parseFormula } from '../conditions/formula.js';

const DAY_MS = 86_400_000;
/** The longest window and hold time: a week. */
const MAX_WINDOW_MS = 7 * DAY_MS;
/** The longest window of a rate, whose readings are kept in memory. */
const MAX_RATE_WINDOW_MS = DAY_MS;
const MAX_CORNERS = 1_000;
const MAX_DEVICES = 1_000;
const MAX_GROUPS = 50;
const RULE_NAME = /^[A-Za-z0-9][A-Za-z0-9 ._/-]{0,127}$/;

const metric = z.string().refine(isMetricName, 'Expected the name of a metric');
const limit = z.number('Expected a finite number').optional();
const limits = {
  above: limit,
  below: limit,
  deadband: z.number().min(0, 'Expected 0 or more').default(0),
};

interface LimitsInput {
  readonly above?: number | undefined;
  readonly below?: number | undefined;
}

function hasLimit({ above, below }: LimitsInput): boolean {
  return above !== undefined || below !== undefined;
}

function isOrdered({ above, below }: LimitsInput): boolean {
  return above === undefined || below === undefined || below <= above;
}

const ONE_LIMIT = 'Expected `above`, `below` or both, and there is neither.';
const LIMITS_IN_ORDER =
  'Expected a `below` that is not larger than `above`: alarms are raised outside of the two';

function milliseconds(smallest: number, largest: number) {
  const expected = `Expected a whole number of milliseconds from ${smallest} to ${largest}`;
  return z.int(expected).min(smallest, expected).max(largest, expected);
}

const threshold = z
  .strictObject({ metric, ...limits })
  .refine(hasLimit, ONE_LIMIT)
  .refine(isOrdered, LIMITS_IN_ORDER);

const rate = z
  .strictObject({ metric, windowMs: milliseconds(1, MAX_RATE_WINDOW_MS), ...limits })
  .refine(hasLimit, ONE_LIMIT)
  .refine(isOrdered, LIMITS_IN_ORDER);

const noData = z.strictObject({
  /** Any metric when left out. */
  metric: metric.optional(),
  windowMs: milliseconds(1_000, MAX_WINDOW_MS),
});

const position = z.strictObject({
  latitude: z.number().min(-90, 'Expected -90 to 90').max(90, 'Expected -90 to 90'),
  longitude: z.number().min(-180, 'Expected -180 to 180').max(180, 'Expected -180 to 180'),
});

const geofence = z
  .strictObject({
    latitudeMetric: metric.default('latitude'),
    longitudeMetric: metric.default('longitude'),
    raiseWhen: z.enum(['INSIDE', 'OUTSIDE'], 'Expected INSIDE or OUTSIDE'),
    circle: z
      .strictObject({
        ...position.shape,
        radiusMetres: z.number().gt(0, 'Expected more than 0').max(20_000_000, 'Expected at most 20000000'),
      })
      .optional(),
    polygon: z
      .array(position)
      .min(3, 'Expected 3 corners or more')
      .max(MAX_CORNERS, `Expected at most ${MAX_CORNERS} corners`)
      .optional(),
  })
  .refine(
    ({ circle, polygon }) => (circle === undefined) !== (polygon === undefined),
    'Expected either a circle or a polygon',
  );

const expression = z.strictObject({ expression: z.string().superRefine(tellMistake(parseFormula)) });

const quality = z.strictObject({
  metric,
  qualities: z
    .array(z.enum(['GOOD', 'UNCERTAIN', 'BAD', 'STALE', 'SIMULATED'], 'Expected a quality'))
    .min(1, 'Expected one quality or more')
    .max(5, 'Expected each quality once'),
});

const condition = z
  .strictObject({
    threshold: threshold.optional(),
    rate: rate.optional(),
    noData: noData.optional(),
    geofence: geofence.optional(),
    expression: expression.optional(),
    quality: quality.optional(),
  })
  .refine(
    (kinds) => Object.values(kinds).filter((kind) => kind !== undefined).length === 1,
    'Expected exactly one of threshold, rate, noData, geofence, expression and quality',
  );

const names = (most: number) =>
  z
    .array(z.string().min(1, 'Expected a name').max(128, 'Expected a name of at most 128 characters'))
    .min(1, 'Expected one or more; leave it out for all')
    .max(most, `Expected at most ${most}`);

const target = z.strictObject({
  /** Names or ids of devices. */
  devices: names(MAX_DEVICES).optional(),
  profile: z.string().min(1, 'Expected the name of a profile').optional(),
  labels: z.string().superRefine(tellMistake(parseLabelSelector)).optional(),
  /** Names or ids of groups. */
  groups: names(MAX_GROUPS).optional(),
});

/** A rule as it is sent, kept, exported, imported, and written in profiles. */
const alarmRuleSchema = z
  .strictObject({
    name: z
      .string()
      .regex(
        RULE_NAME,
        'Expected 1 to 128 letters, digits, blanks, dots, slashes, dashes and underscores, beginning with a letter or digit',
      ),
    description: z
      .string()
      .max(1_000, 'Expected at most 1000 characters')
      .refine((text) => !text.includes('\u0000'), 'Expected no NUL')
      .nullable()
      .default(null),
    severity: z.enum(
      SEVERITIES as [string, ...string[]] as ['CRITICAL', 'MAJOR', 'MINOR', 'WARNING', 'INDETERMINATE'],
      `Expected one of ${SEVERITIES.join(', ')}`,
    ),
    enabled: z.boolean('Expected true or false').default(true),
    /** All conditions given must hold; all devices when it is empty. */
    target: target.default({}),
    condition,
    /** How long the condition must hold before an alarm is raised. */
    forMs: milliseconds(0, MAX_WINDOW_MS).default(0),
    /** How long it must have ended before the alarm is cleared. */
    clearForMs: milliseconds(0, MAX_WINDOW_MS).default(0),
    /** Whether its alarms may be cleared by hand. */
    clearable: z.boolean('Expected true or false').default(true),
  })
  .refine(({ condition: { noData: absence }, forMs }) => absence === undefined || forMs === 0, {
    path: ['forMs'],
    message: 'Expected 0 for a rule of missing data, whose window says how long',
  });

/** A rule that is written now: what was taken by an earlier version is still read. */
const writtenRuleSchema = alarmRuleSchema.superRefine(({ condition: { threshold, rate } }, context) => {
  for (const [kind, given] of Object.entries({ threshold, rate })) {
    if (!given || !isOrdered(given) || canClear(given)) continue;
    const { above, below, deadband } = given;
    context.addIssue({
      code: 'custom',
      path: ['condition', kind, 'deadband'],
      message:
        'Expected a deadband of at most half the distance between `below` and `above`, as no value would ever clear the ' +
        `alarm, got a deadband of ${deadband} between ${below ?? ''} and ${above ?? ''}.`,
    });
  }
});

/** Whether there is a value by which what was outside comes back: inside both limits by the deadband. */
function canClear({ above, below, deadband }: LimitsInput & { readonly deadband: number }): boolean {
  return above === undefined || below === undefined || above - deadband >= below + deadband;
}

/** A checked rule. */
export type AlarmRule = z.output<typeof alarmRuleSchema>;

/** What a rule looks for. */
export type AlarmCondition = AlarmRule['condition'];

/** Which devices a rule looks at. */
export type AlarmTarget = AlarmRule['target'];

/** Something that is wrong with a rule. */
export interface RuleMistake {
  /** From the outside in. */
  readonly path: readonly string[];
  readonly message: string;
}

/** A rule, or what is wrong with it. */
export type CheckedRule = { readonly rule: AlarmRule } | { readonly mistakes: readonly RuleMistake[] };

/** Checks a rule that somebody has written, and tells everything that is wrong with it at once. */
export function checkAlarmRule(value: unknown): CheckedRule {
  return parseRule(writtenRuleSchema, value);
}

/** Reads a rule that was checked when it was written, by this version or an earlier one. */
export function readAlarmRule(value: unknown): CheckedRule {
  return parseRule(alarmRuleSchema, value);
}

function parseRule(schema: typeof alarmRuleSchema, value: unknown): CheckedRule {
  const parsed = schema.safeParse(withoutNulls(value));
  if (parsed.success) return { rule: parsed.data };
  return {
    mistakes: parsed.error.issues.map((issue) => ({
      path: issue.path.map(String),
      message: tell(issue, value),
    })),
  };
}

/** In JSON and in GraphQL null is what was left out; only what a rule describes itself by may be null. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutNulls(inner)]));
}

function tell(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'unrecognized_keys') {
    return `Expected no ${issue.keys.map((key) => JSON.stringify(key)).join(', ')} here; check the spelling.`;
  }
  const came = issue.path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );
  if (issue.message.endsWith('.')) return issue.message;
  const expected = issue.message.startsWith('Expected') ? issue.message : describeExpected(issue);
  return `${expected}, got ${came === undefined ? 'nothing' : JSON.stringify(came).slice(0, 80)}.`;
}

function describeExpected(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_type' ? `Expected ${issue.expected}` : issue.message;
}

/** Makes a check of a text from a parser that throws what is wrong. */
function tellMistake(parse: (text: string) => unknown) {
  return (text: string, context: z.RefinementCtx) => {
    try {
      parse(text);
    } catch (error) {
      if (!(error instanceof AegisError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
    }
  };
}
