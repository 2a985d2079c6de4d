import type { Connection } from '../../../kernel/graphql/connection.js';
import type { AlarmChange, AlarmState, ClearReason, Severity } from './alarm.js';
import type { StoredRule } from './rules/rule-entry.js';

/** An alarm as it is stored and as it is told in the event log. */
export interface AlarmModel {
  readonly id: string;
  readonly ruleId: string;
  readonly ruleName: string;
  readonly ruleVersion: number;
  readonly deviceId: string;
  /** The metric whose reading raised it; null where it was not one reading. */
  readonly metric: string | null;
  readonly severity: Severity;
  readonly state: AlarmState;
  /** In `unit`. */
  readonly value: number | null;
  /** UCUM code. */
  readonly unit: string | null;
  readonly message: string;
  /** Whether it may be cleared by hand. */
  readonly clearable: boolean;
  /** When the condition began, by the device's time. */
  readonly occurredAt: Date;
  readonly raisedAt: Date;
  readonly acknowledgedAt: Date | null;
  readonly acknowledgedBy: string | null;
  readonly acknowledgeNote: string | null;
  readonly clearedAt: Date | null;
  readonly clearReason: ClearReason | null;
  readonly clearedBy: string | null;
  readonly clearNote: string | null;
}

/** A rule of the workspace; its condition is resolved further. */
export type AlarmRuleModel = StoredRule;

/** A move of an alarm on its way to a subscriber. */
export interface AlarmEventModel {
  readonly cursor: string;
  readonly gap: boolean;
  readonly change: AlarmChange;
  readonly at: Date;
  /** As it was right after the move. */
  readonly alarm: AlarmModel;
}

/** A page of alarms. */
export interface AlarmConnectionModel extends Connection<AlarmModel> {
  /** Where the stream of moves goes on behind this page. */
  readonly movesCursor: string;
}

/** A page of rules. */
export type AlarmRuleConnectionModel = Connection<AlarmRuleModel>;
