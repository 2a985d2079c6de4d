import { checkPageSize, toConnection } from '../../../kernel/graphql/connection.js';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { SEVERITIES, type AlarmState } from '../alarms/alarm.js';
import { decodeAlarmCursor, encodeAlarmCursor } from '../alarms/alarm-page.js';
import { toAlarmEvent } from '../alarms/alarm-stream.js';
import type { Alarms } from '../alarms/alarms.js';
import { parseFormula } from '../alarms/conditions/formula.js';
import type { AlarmSelection } from '../alarms/registry.js';
import type { AlarmCondition as RuleCondition } from '../alarms/rules/alarm-rule.js';
import { checkFilterSize } from '../check-device-ids.js';
import type { Context } from '../context.js';
import type {
  AlarmCondition,
  AlarmEventFilter,
  AlarmFilter,
  QueryAlarmRulesArgs,
  QueryAlarmsArgs,
  Resolvers,
} from '../generated/schema-types.js';

/** The most rules that are exported by name. */
const MAX_NAMES = 1_000;

/** Fields of alarms and their rules. */
export function createAlarmResolvers(alarms: Alarms) {
  const { registry, rules, ruleMutations, transfer, mutations, openStream } = alarms;
  return {
    Query: {
      alarm: async (_parent, { id }, { principal }) =>
        (await registry.find(principal.workspace, [id]))[0] ?? null,
      alarms: (_parent, args, context) => listAlarms(alarms, args, context),
      alarmCounts: async (_parent, { filter }, { principal }) => {
        const counts = await registry.count(principal.workspace, toSelection(filter));
        return SEVERITIES.map((severity) => {
          const of = (state: string) =>
            counts.find((one) => one.severity === severity && one.state === state)?.count ?? 0;
          return { severity, raised: of('RAISED'), acknowledged: of('ACKNOWLEDGED'), cleared: of('CLEARED') };
        });
      },
      alarmRule: async (_parent, { id }, { alarmRules }) => (await alarmRules.load(id)) ?? null,
      alarmRules: (_parent, args, context) => listRules(rules, args, context),
      exportAlarmRules: (_parent, { format, names }, { principal }) => {
        checkFilterSize('names', names, MAX_NAMES);
        return transfer.export(principal.workspace, { format, names: names ?? undefined });
      },
    },
    Mutation: {
      createAlarmRule: (_parent, { input }, context) => ruleMutations.create(input, context),
      updateAlarmRule: (_parent, { input }, context) => ruleMutations.update(input, context),
      removeAlarmRule: (_parent, { input }, context) => ruleMutations.remove(input, context),
      importAlarmRules: (_parent, { input }, context) => transfer.import(input, context),
      acknowledgeAlarm: (_parent, { input }, context) => mutations.acknowledge(input, context),
      clearAlarm: (_parent, { input }, context) => mutations.clear(input, context),
    },
    Subscription: {
      deviceAlarms: {
        subscribe: (_parent, { filter, after }, { principal }) =>
          openStream(principal.workspace, { selection: toEventSelection(filter), after: after ?? undefined }),
        resolve: toAlarmEvent,
      },
    },
    Device: {
      alarms: ({ id }, { first, states }, { alarmsOfDevice }) =>
        alarmsOfDevice.load({
          deviceId: id,
          first: checkPageSize(first),
          states: orOpen(states),
        }),
    },
    Alarm: {
      device: async ({ deviceId }, _args, { devices }) => (await devices.load(deviceId)) ?? null,
      rule: async ({ ruleId }, _args, { alarmRules }) => (await alarmRules.load(ruleId)) ?? null,
    },
    AlarmRule: {
      name: ({ rule }) => rule.name,
      description: ({ rule }) => rule.description,
      enabled: ({ rule }) => rule.enabled,
      severity: ({ rule }) => rule.severity,
      target: async ({ rule: { target } }, _args, { namedDevices }) => ({
        devices: target.devices ? await loadNames(namedDevices, target.devices) : null,
        profile: target.profile ?? null,
        labels: target.labels ?? null,
        groups: target.groups ?? null,
      }),
      condition: ({ rule }) => toCondition(rule.condition),
      forMs: ({ rule }) => rule.forMs,
      clearForMs: ({ rule }) => rule.clearForMs,
      clearable: ({ rule }) => rule.clearable,
      openAlarms: ({ id }, _args, { openAlarms }) => openAlarms.load(id),
    },
  } satisfies Resolvers;
}

/** An argument that has a default may still be null. */
function orOpen(states: readonly AlarmState[] | null): readonly AlarmState[] {
  return states ?? ['RAISED', 'ACKNOWLEDGED'];
}

async function listAlarms(
  { registry, movesCursor }: Alarms,
  { first: wanted, after, filter, orderBy }: QueryAlarmsArgs,
  { principal }: Context,
) {
  const first = checkPageSize(wanted ?? 20);
  const order = orderBy ?? 'RAISED_AT_DESC';
  const cursor = await movesCursor(principal.workspace);
  const rows = await registry.list(principal.workspace, toSelection(filter), {
    ...{ first, order },
    after: after == null ? undefined : decodeAlarmCursor(order, after),
  });
  const page = toConnection(rows, {
    first,
    after: after != null,
    cursorOf: (alarm) => encodeAlarmCursor(order, alarm),
  });
  return { ...page, movesCursor: cursor };
}

async function listRules(
  rules: Alarms['rules'],
  { first: wanted, after, filter }: QueryAlarmRulesArgs,
  { principal, alarmRules }: Context,
) {
  const first = checkPageSize(wanted ?? 20);
  const selection = {
    nameContains: filter?.nameContains ?? undefined,
    enabled: filter?.enabled ?? undefined,
    severities: filter?.severities ?? undefined,
  };
  const rows = await rules.list(principal.workspace, selection, {
    first,
    after: after == null ? undefined : decodeNameCursor(after),
  });
  for (const row of rows) alarmRules.prime(row.id, row);
  return toConnection(rows, {
    first,
    after: after != null,
    cursorOf: ({ rule }) => Buffer.from(JSON.stringify(['rul', rule.name])).toString('base64url'),
  });
}

/** Rules are listed by their names. Errors: BAD_USER_INPUT for what is no cursor of this list. */
function decodeNameCursor(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const name = /^\["rul",(?<name>"[^"\\]*")\]$/.exec(text)?.groups?.['name'];
  if (name !== undefined && !name.includes('\u0000')) return name.slice(1, -1);
  throw new AegisError(
    'BAD_USER_INPUT',
    `after: expected the cursor of an earlier page, got ${JSON.stringify(cursor.slice(0, 64))}. ` +
      'Leave it out to begin at the beginning.',
  );
}

function toSelection(filter: AlarmFilter | null | undefined): AlarmSelection {
  const { states, severities, deviceIds, ruleIds, acknowledged, range } = filter ?? {};
  checkFilterSize('filter.deviceIds', deviceIds);
  checkFilterSize('filter.ruleIds', ruleIds);
  return {
    states: states ?? undefined,
    severities: severities ?? undefined,
    deviceIds: deviceIds ?? undefined,
    ruleIds: ruleIds ?? undefined,
    acknowledged: acknowledged ?? undefined,
    from: range?.from,
    to: range?.to ?? undefined,
  };
}

function toEventSelection(filter: AlarmEventFilter | null | undefined) {
  const { changes, severities, deviceIds, ruleIds } = filter ?? {};
  checkFilterSize('filter.deviceIds', deviceIds);
  checkFilterSize('filter.ruleIds', ruleIds);
  return {
    changes: changes ?? undefined,
    severities: severities ?? undefined,
    deviceIds: deviceIds ?? undefined,
    ruleIds: ruleIds ?? undefined,
  };
}

async function loadNames(names: Context['namedDevices'], ids: readonly string[]): Promise<string[]> {
  return Promise.all(ids.map((id) => names.load(id)));
}

/** The condition as a type of its own, with what was left out as null. */
function toCondition(given: RuleCondition): AlarmCondition {
  const { threshold, rate, noData, geofence, expression, quality } = given;
  if (threshold) return { __typename: 'ThresholdCondition', ...threshold, ...limitsOf(threshold) };
  if (rate) return { __typename: 'RateCondition', ...rate, ...limitsOf(rate) };
  if (noData) {
    return { __typename: 'NoDataCondition', metric: noData.metric ?? null, windowMs: noData.windowMs };
  }
  if (geofence) {
    const { circle, polygon, ...rest } = geofence;
    return { __typename: 'GeofenceCondition', ...rest, circle: circle ?? null, polygon: polygon ?? null };
  }
  if (expression) {
    const { metrics } = parseFormula(expression.expression);
    return { __typename: 'ExpressionCondition', ...expression, metrics: [...metrics] };
  }
  if (quality) return { __typename: 'QualityCondition', ...quality };
  throw new Error('expected a checked condition, got one of no kind');
}

function limitsOf({
  above,
  below,
}: {
  readonly above?: number | undefined;
  readonly below?: number | undefined;
}) {
  return { above: above ?? null, below: below ?? null };
}
