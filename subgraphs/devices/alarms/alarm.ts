/**
 * How bad an alarm is. Source: ITU-T X.733 (1992), §8.1.2.3, perceived severity, without `cleared`, which here is a state.
 */
export type Severity = 'CRITICAL' | 'MAJOR' | 'MINOR' | 'WARNING' | 'INDETERMINATE';

/** The severities, the worst first: their places are the ranks by which alarms are ordered. */
export const SEVERITIES: readonly Severity[] = ['CRITICAL', 'MAJOR', 'MINOR', 'WARNING', 'INDETERMINATE'];

/**
 * How far an alarm has come. One that was cleared before anybody acknowledged it is CLEARED without `acknowledgedAt`.
 *
 * Source: ANSI/ISA-18.2-2016, §4.4 (unacknowledged, acknowledged, returned to normal), in the words of the graph.
 */
export type AlarmState = 'RAISED' | 'ACKNOWLEDGED' | 'CLEARED';

/** Why an alarm was cleared. */
export type ClearReason = 'CONDITION_ENDED' | 'BY_HAND' | 'RULE_CHANGED' | 'DEVICE_LEFT';

/** The kinds of moves of an alarm, and of facts about it. */
export type AlarmChange = 'RAISED' | 'ACKNOWLEDGED' | 'CLEARED';

/** The types of facts about alarms by what they tell. */
export const ALARM_FACTS: Readonly<Record<AlarmChange, string>> = {
  RAISED: 'aegis.alarm.raised',
  ACKNOWLEDGED: 'aegis.alarm.acknowledged',
  CLEARED: 'aegis.alarm.cleared',
};

/** The place of a severity in their order, 0 for the worst. */
export function rankOf(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}
