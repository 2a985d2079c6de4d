import type { ClearReason } from '../alarm.js';
import type { AlarmModel } from '../models.js';

/** An alarm as it is raised. */
export type RaisedAlarm = Pick<
  AlarmModel,
  | 'id'
  | 'ruleId'
  | 'ruleName'
  | 'ruleVersion'
  | 'deviceId'
  | 'metric'
  | 'severity'
  | 'value'
  | 'unit'
  | 'message'
  | 'clearable'
  | 'occurredAt'
  | 'raisedAt'
>;

/** What evaluation does to an alarm. */
export type AlarmMove =
  | { readonly kind: 'RAISE'; readonly alarm: RaisedAlarm }
  | {
      readonly kind: 'CLEAR';
      readonly alarmId: string;
      readonly ruleId: string;
      readonly deviceId: string;
      readonly at: Date;
      readonly reason: ClearReason;
    };
