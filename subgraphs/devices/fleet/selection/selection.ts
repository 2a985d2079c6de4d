import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { DeviceFilter, PropertyConditionInput } from '../../generated/schema-types.js';
import { isMetricName } from '../../metric-name.js';
import { parseLabelSelector, type LabelRequirement } from './label-selector.js';

/** A comparison of a device's newest reading of a metric, in the unit that the metric has. */
export interface PropertyCondition {
  readonly metric: string;
  readonly greaterThan: number | null;
  readonly atLeast: number | null;
  readonly lessThan: number | null;
  readonly atMost: number | null;
  readonly equals: number | null;
  readonly notEquals: number | null;
  /** The reading counts only when it was measured within so many seconds. */
  readonly withinSeconds: number | null;
}

/** Which devices are meant, checked: all of the given conditions must hold. */
export interface Selection {
  readonly ids: readonly string[] | null;
  readonly name: string | null;
  readonly nameContains: string | null;
  readonly metric: string | null;
  readonly profile: string | null;
  readonly profileVersion: number | null;
  readonly connectivity: string | null;
  /** Heard from at this instant or later. */
  readonly lastSeenAfter: Date | null;
  /** Heard from before this instant, or never. */
  readonly lastSeenBefore: Date | null;
  readonly labels: readonly LabelRequirement[];
  /** Ids or names of groups: devices of any of them. */
  readonly groups: readonly string[] | null;
  readonly properties: readonly PropertyCondition[];
}

/** The most ids of one selection. */
const MAX_IDS = 10_000;
const MAX_GROUPS = 50;
/** Each costs a look at the newest reading of every device that the other conditions leave. */
const MAX_PROPERTIES = 10;

const BOUNDS = ['greaterThan', 'atLeast', 'lessThan', 'atMost', 'equals', 'notEquals'] as const;

/** Checks which devices are meant. Errors: BAD_USER_INPUT that says which condition cannot be. */
export function checkSelection(filter: DeviceFilter): Selection {
  const { ids, groups, properties, metric } = filter;
  checkCount('ids', ids, MAX_IDS);
  checkCount('groups', groups, MAX_GROUPS);
  checkCount('properties', properties, MAX_PROPERTIES);
  if (metric != null && !isMetricName(metric)) return { ...ALL, ids: [] };
  return {
    ...pickTexts(filter),
    ids: ids ? [...new Set(ids)] : null,
    profileVersion: filter.profileVersion ?? null,
    lastSeenAfter: toDate(filter.lastSeenAfter),
    lastSeenBefore: toDate(filter.lastSeenBefore),
    labels: filter.labels == null ? [] : parseLabelSelector(filter.labels),
    groups: groups ? [...new Set(groups)] : null,
    properties: (properties ?? []).map(checkProperty),
  };
}

/** Checks the selection that a group keeps. Errors: BAD_USER_INPUT, also when it names groups, which could name each other. */
export function checkSavedSelection(filter: DeviceFilter): Selection {
  if (filter.groups == null) return checkSelection(filter);
  throw new AegisError(
    'BAD_USER_INPUT',
    'groups: expected a selection without groups for a group; name the conditions of those groups instead.',
  );
}

/** No condition. */
const ALL: Selection = {
  ids: null,
  name: null,
  nameContains: null,
  metric: null,
  profile: null,
  profileVersion: null,
  connectivity: null,
  lastSeenAfter: null,
  lastSeenBefore: null,
  labels: [],
  groups: null,
  properties: [],
};

function checkProperty(input: PropertyConditionInput, index: number): PropertyCondition {
  const at = `properties.${index}`;
  const { metric, withinSeconds } = input;
  if (!isMetricName(metric)) {
    throw new AegisError(
      'BAD_USER_INPUT',
      `${at}.metric: no metric is named ${JSON.stringify(metric.slice(0, 64))}.`,
    );
  }
  if (BOUNDS.every((bound) => input[bound] == null)) {
    throw new AegisError('BAD_USER_INPUT', `${at}: expected one of ${BOUNDS.join(', ')}, got none of them.`);
  }
  if (withinSeconds != null && withinSeconds < 1) {
    throw new AegisError('BAD_USER_INPUT', `${at}.withinSeconds: expected 1 or more, got ${withinSeconds}.`);
  }
  return {
    metric,
    greaterThan: input.greaterThan ?? null,
    atLeast: input.atLeast ?? null,
    lessThan: input.lessThan ?? null,
    atMost: input.atMost ?? null,
    equals: input.equals ?? null,
    notEquals: input.notEquals ?? null,
    withinSeconds: withinSeconds ?? null,
  };
}

function pickTexts({ name, nameContains, metric, profile, connectivity }: DeviceFilter) {
  return {
    name: name ?? null,
    nameContains: nameContains ?? null,
    metric: metric ?? null,
    profile: profile ?? null,
    connectivity: connectivity ?? null,
  };
}

/** A selection that was kept as JSON has its instants as texts. */
function toDate(instant: Date | string | null | undefined): Date | null {
  return instant == null ? null : new Date(instant);
}

function checkCount(name: string, values: readonly unknown[] | null | undefined, most: number): void {
  if (!values || values.length <= most) return;
  throw new AegisError('BAD_USER_INPUT', `${name}: expected at most ${most}, got ${values.length}.`);
}
