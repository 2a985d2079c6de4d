import type { Database } from '../../../kernel/database/database.js';
import type { EventLog } from '../../../kernel/events/event-log.js';
import type { RequestContext } from '../../../kernel/graphql/subgraph.js';
import type { AcknowledgeAlarmInput, ClearAlarmInput, UserError } from '../generated/schema-types.js';
import { toAlarmFact } from './alarm-fact.js';
import type { AlarmChange } from './alarm.js';
import type { AlarmModel } from './models.js';
import type { AlarmNote, AlarmRegistry } from './registry.js';

/** What came of it: the alarm as it is now, or why not. */
export interface AlarmPayload {
  readonly alarm: AlarmModel | null;
  readonly userErrors: UserError[];
}

/** What people do to alarms. Each move is a fact in the event log, in the same transaction. */
export interface AlarmMutations {
  acknowledge(input: AcknowledgeAlarmInput, request: RequestContext): Promise<AlarmPayload>;
  clear(input: ClearAlarmInput, request: RequestContext): Promise<AlarmPayload>;
}

export interface AlarmMutationsDeps {
  readonly database: Database;
  readonly log: EventLog;
  readonly alarms: AlarmRegistry;
  readonly now: () => Date;
}

const MAX_NOTE = 1_000;

/** Makes what people do to alarms. */
export function createAlarmMutations({ database, log, alarms, now }: AlarmMutationsDeps): AlarmMutations {
  async function move(
    change: AlarmChange,
    { id, note }: AcknowledgeAlarmInput,
    { principal: { workspace, subject }, trace }: RequestContext,
  ): Promise<AlarmModel | undefined> {
    return database.inWorkspace(workspace).transaction(async (transaction) => {
      const added: AlarmNote = { id, at: now(), by: subject, note: note ?? null };
      const act = change === 'ACKNOWLEDGED' ? alarms.acknowledge : alarms.clearByHand;
      const alarm = await act(transaction, added);
      if (alarm) await log.append(transaction, toAlarmFact(change, alarm, trace.traceparent));
      return alarm;
    });
  }

  async function attempt(
    change: AlarmChange,
    input: AcknowledgeAlarmInput,
    request: RequestContext,
  ): Promise<AlarmPayload> {
    const mistakes = checkNote(input);
    if (mistakes.length > 0) return { alarm: null, userErrors: mistakes };
    const moved = input.id.includes('\u0000') ? undefined : await move(change, input, request);
    if (moved) return { alarm: moved, userErrors: [] };
    const [alarm] = await alarms.find(request.principal.workspace, [input.id]);
    return { alarm: null, userErrors: [alarm ? tellRefusal(change, alarm) : noSuchAlarm(input.id)] };
  }

  return {
    acknowledge: (input, request) => attempt('ACKNOWLEDGED', input, request),
    clear: (input, request) => attempt('CLEARED', input, request),
  };
}

function tellRefusal(change: AlarmChange, alarm: AlarmModel): UserError {
  const path = ['id'];
  if (change === 'ACKNOWLEDGED') {
    const when = alarm.acknowledgedAt?.toISOString() ?? 'before';
    const message = `Expected an alarm that nobody has acknowledged; ${alarm.acknowledgedBy ?? 'somebody'} did at ${when}.`;
    return { code: 'CONFLICT', message, path };
  }
  const message =
    alarm.state === 'CLEARED'
      ? 'Expected an open alarm; this one is cleared already.'
      : 'Expected an alarm that may be cleared by hand; the rule of this one clears it when its condition has ended.';
  return { code: 'CONFLICT', message, path };
}

function noSuchAlarm(id: string): UserError {
  const message = `There is no alarm ${JSON.stringify(id.slice(0, 80))}; it may have been removed since it was cleared.`;
  return { code: 'NOT_FOUND', message, path: ['id'] };
}

function checkNote({ note }: AcknowledgeAlarmInput): UserError[] {
  if (note == null || (note.length <= MAX_NOTE && !note.includes('\u0000'))) return [];
  const message = `Expected at most ${MAX_NOTE} characters without NUL, got ${note.length}.`;
  return [{ code: 'BAD_USER_INPUT', message, path: ['note'] }];
}
