import {
  openFactStream,
  type FactDelivery,
  type FactStreamDeps,
} from '../../../kernel/events/fact-stream.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { AlarmChange, Severity } from './alarm.js';
import { readAlarmFact, type AlarmFact } from './alarm-fact.js';
import type { AlarmEventModel } from './models.js';

/** Which moves of alarms are meant. */
export interface AlarmEventSelection {
  readonly changes?: readonly AlarmChange[] | undefined;
  readonly severities?: readonly Severity[] | undefined;
  readonly deviceIds?: readonly string[] | undefined;
  readonly ruleIds?: readonly string[] | undefined;
}

export interface AlarmStreamOptions {
  readonly selection: AlarmEventSelection;
  /** The cursor of the last event that was seen; undefined begins with the next move. */
  readonly after: string | undefined;
}

/** Names this stream in its cursors. */
export const ALARM_STREAM = 'alm';

/**
 * Opens the moves of a workspace's alarms, which are facts of the event log: what was missed, then what comes, each once
 * and in order. Ends at once when its `return()` is called.
 *
 * Errors: BAD_USER_INPUT when `after` is no cursor of this stream.
 */
export function openAlarmStream(
  deps: FactStreamDeps,
  workspace: WorkspaceId,
  { selection, after }: AlarmStreamOptions,
): AsyncIterableIterator<FactDelivery> {
  const meets = createFilter(selection);
  return openFactStream(deps, {
    ...{ workspace, after, kind: ALARM_STREAM },
    passes(event) {
      const fact = readAlarmFact(event);
      return fact !== undefined && meets(fact);
    },
  });
}

/** Reads a delivery of {@link openAlarmStream}. */
export function toAlarmEvent({ cursor, gap, event }: FactDelivery): AlarmEventModel {
  const fact = readAlarmFact(event);
  if (!fact) throw new Error(`expected a move of an alarm, got ${event.type}`);
  return { ...fact, cursor, gap, at: event.time };
}

function createFilter({
  changes,
  severities,
  deviceIds,
  ruleIds,
}: AlarmEventSelection): (fact: AlarmFact) => boolean {
  const devices = deviceIds && new Set(deviceIds);
  const rules = ruleIds && new Set(ruleIds);
  return ({ change, alarm }) =>
    (!changes || changes.includes(change)) &&
    (!severities || severities.includes(alarm.severity)) &&
    (!devices || devices.has(alarm.deviceId)) &&
    (!rules || rules.has(alarm.ruleId));
}
