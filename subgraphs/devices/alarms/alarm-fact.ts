import { z } from 'zod';
import type { CloudEvent, NewEvent } from '../../../kernel/events/event-log.js';
import { ALARM_FACTS, SEVERITIES, type AlarmChange, type Severity } from './alarm.js';
import type { AlarmModel } from './models.js';

const instant = z.iso.datetime().transform((text) => new Date(text));

/** An alarm as facts tell it: this subgraph's contract with whoever reads the event log. Instants are RFC 3339 in UTC. */
const alarmSchema = z.object({
  id: z.string(),
  ruleId: z.string(),
  ruleName: z.string(),
  ruleVersion: z.int(),
  deviceId: z.string(),
  metric: z.string().nullable(),
  severity: z.enum(SEVERITIES as [Severity, ...Severity[]]),
  state: z.enum(['RAISED', 'ACKNOWLEDGED', 'CLEARED']),
  value: z.number().nullable(),
  unit: z.string().nullable(),
  message: z.string(),
  clearable: z.boolean(),
  occurredAt: instant,
  raisedAt: instant,
  acknowledgedAt: instant.nullable(),
  acknowledgedBy: z.string().nullable(),
  acknowledgeNote: z.string().nullable(),
  clearedAt: instant.nullable(),
  clearReason: z.enum(['CONDITION_ENDED', 'BY_HAND', 'RULE_CHANGED', 'DEVICE_LEFT']).nullable(),
  clearedBy: z.string().nullable(),
  clearNote: z.string().nullable(),
});

const CHANGES: ReadonlyMap<string, AlarmChange> = new Map([
  [ALARM_FACTS.RAISED, 'RAISED'],
  [ALARM_FACTS.ACKNOWLEDGED, 'ACKNOWLEDGED'],
  [ALARM_FACTS.CLEARED, 'CLEARED'],
]);

/** A move of an alarm as the event log tells it. */
export interface AlarmFact {
  readonly change: AlarmChange;
  /** As it was right after the move. */
  readonly alarm: AlarmModel;
}

/** Makes the fact of a move; `traceparent` of the request that asked for it, if one did. */
export function toAlarmFact(change: AlarmChange, alarm: AlarmModel, traceparent?: string): NewEvent {
  const written = Object.fromEntries(
    Object.entries(alarm).map(([key, value]: [string, string | number | boolean | Date | null]) => [
      key,
      value instanceof Date ? value.toISOString() : value,
    ]),
  );
  return {
    source: '/devices',
    type: ALARM_FACTS[change],
    subject: alarm.id,
    data: written,
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

/** Reads a fact back; undefined when it is not about an alarm. */
export function readAlarmFact({ type, data }: CloudEvent): AlarmFact | undefined {
  const change = CHANGES.get(type);
  const parsed = change && alarmSchema.safeParse(data);
  return parsed?.success ? { change: change ?? 'RAISED', alarm: parsed.data } : undefined;
}
