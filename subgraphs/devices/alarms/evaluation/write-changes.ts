import type { Database, Transaction } from '../../../../kernel/database/database.js';
import type { EventLog, NewEvent } from '../../../../kernel/events/event-log.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { DutyRegistry } from '../../duties/registry.js';
import { toAlarmFact } from '../alarm-fact.js';
import type { AlarmRegistry } from '../registry.js';
import { isProfileRule } from '../rules/rule-entry.js';
import type { EvaluationChanges } from './evaluation.js';
import type { AlarmMove } from './move.js';
import type { EvaluationRegistry } from './registry.js';

export interface WriteChangesDeps {
  readonly database: Database;
  readonly log: EventLog;
  readonly duties: DutyRegistry;
  readonly alarms: AlarmRegistry;
  readonly registry: EvaluationRegistry;
}

/** Writes what evaluation has found, up to a sequence of readings. */
export type WriteChanges = (
  workspace: WorkspaceId,
  changes: EvaluationChanges,
  through: bigint,
) => Promise<void>;

/**
 * Makes the writer. Moves, facts, how far rules have come, and the place in the order of readings are one transaction:
 * after a crash evaluation begins where the last one ended, and nothing is raised twice or not at all.
 */
export function createWriteChanges({
  database,
  log,
  duties,
  alarms,
  registry,
}: WriteChangesDeps): WriteChanges {
  async function move(transaction: Transaction, moves: readonly AlarmMove[]): Promise<NewEvent[]> {
    const raised = moves.flatMap((one) => (one.kind === 'RAISE' ? [one.alarm] : []));
    const own = raised.filter(({ ruleId }) => !isProfileRule(ruleId));
    const held =
      own.length === 0
        ? new Set()
        : await registry.holdRules(
            transaction,
            own.map(({ ruleId, ruleVersion }) => ({ id: ruleId, version: ruleVersion })),
          );
    // A rule that has changed since it was read raises nothing: it is read again soon.
    const wanted = raised.filter(({ ruleId }) => isProfileRule(ruleId) || held.has(ruleId));
    const facts = (wanted.length === 0 ? [] : await alarms.raise(transaction, wanted)).map((alarm) =>
      toAlarmFact('RAISED', alarm),
    );
    for (const cleared of groupClears(moves)) {
      const rows = await alarms.clear(transaction, cleared);
      facts.push(...rows.map((alarm) => toAlarmFact('CLEARED', alarm)));
    }
    return facts;
  }

  return (workspace, { moves, slots }, through) =>
    database.inWorkspace(workspace).transaction(async (transaction) => {
      await duties.confirm(transaction, through);
      const facts: NewEvent[] = [];
      for (const run of splitRuns(moves)) facts.push(...(await move(transaction, run)));
      await registry.saveSlots(transaction, slots);
      // Appending keeps others of the workspace from it until the commit: so it comes last.
      for (const fact of facts) await log.append(transaction, fact);
    });
}

type ClearMove = Extract<AlarmMove, { readonly kind: 'CLEAR' }>;

interface ClearGroup {
  readonly reason: ClearMove['reason'];
  readonly at: Date;
  readonly ids: string[];
}

function groupClears(moves: readonly AlarmMove[]): Iterable<ClearGroup> {
  const groups = new Map<ClearMove['reason'], ClearGroup>();
  for (const one of moves) {
    if (one.kind !== 'CLEAR') continue;
    const group = groups.get(one.reason) ?? { reason: one.reason, at: one.at, ids: [] };
    group.ids.push(one.alarmId);
    groups.set(one.reason, group);
  }
  return groups.values();
}

/** Cuts moves where one alarm of a rule and a device follows another: the first must have ended before the next begins. */
function splitRuns(moves: readonly AlarmMove[]): AlarmMove[][] {
  const runs: AlarmMove[][] = [];
  let touched = new Set<string>();
  for (const one of moves) {
    const { ruleId, deviceId } = one.kind === 'RAISE' ? one.alarm : one;
    const key = `${ruleId} ${deviceId}`;
    const run = touched.has(key) ? undefined : runs.at(-1);
    if (run) run.push(one);
    else {
      runs.push([one]);
      touched = new Set();
    }
    touched.add(key);
  }
  return runs;
}
