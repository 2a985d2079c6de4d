/** What the page asks of alarms. Each of these is checked against the schema by a test. */

const ALARM = `fragment AlarmFields on Alarm {
  id severity state message ruleName raisedAt acknowledgedAt acknowledgedBy clearedAt clearable device { id name }
}`;

export const OPEN_ALARMS = `query OpenAlarms {
  alarms(first: 50, filter: { states: [RAISED, ACKNOWLEDGED] }, orderBy: SEVERITY) {
    edges { node { ...AlarmFields } }
    pageInfo { hasNextPage }
    movesCursor
  }
  alarmRules(first: 1) { edges { node { id } } }
} ${ALARM}`;

export const ALARM_CHANGES = `subscription AlarmChanges($after: String) {
  deviceAlarms(after: $after) { cursor gap change alarm { ...AlarmFields } }
} ${ALARM}`;

export const ACKNOWLEDGE = `mutation Acknowledge($input: AcknowledgeAlarmInput!) {
  acknowledgeAlarm(input: $input) { alarm { ...AlarmFields } userErrors { message } }
} ${ALARM}`;

/** One alarm. */
export interface Alarm {
  readonly id: string;
  readonly severity: 'CRITICAL' | 'MAJOR' | 'MINOR' | 'WARNING' | 'INDETERMINATE';
  readonly state: 'RAISED' | 'ACKNOWLEDGED' | 'CLEARED';
  readonly message: string;
  readonly ruleName: string;
  readonly raisedAt: string;
  readonly acknowledgedAt: string | null;
  readonly acknowledgedBy: string | null;
  readonly device: { readonly id: string; readonly name: string } | null;
}

/** The answer to {@link OPEN_ALARMS}. */
export interface AlarmPage {
  readonly alarms: {
    readonly edges: readonly { readonly node: Alarm }[];
    readonly pageInfo: { readonly hasNextPage: boolean };
    readonly movesCursor: string;
  };
  readonly alarmRules: { readonly edges: readonly unknown[] };
}

/** The answer to {@link ACKNOWLEDGE}. */
export interface AcknowledgeAnswer {
  readonly acknowledgeAlarm: {
    readonly alarm: Alarm | null;
    readonly userErrors: readonly { readonly message: string }[];
  };
}

/** An event of {@link ALARM_CHANGES}. */
export interface AlarmChange {
  readonly cursor: string;
  readonly gap: boolean;
  readonly change: 'RAISED' | 'ACKNOWLEDGED' | 'CLEARED';
  readonly alarm: Alarm;
}
