import type { Database, Transaction } from '../../../../kernel/database/database.js';
import { Prisma } from '../../../../kernel/database/workspace.js';
import type { EventLog } from '../../../../kernel/events/event-log.js';
import { newId } from '../../../../kernel/ids/ids.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { ChangeOrigin } from '../../registry.js';
import type { Severity } from '../alarm.js';
import { readAlarmRule, type AlarmRule } from './alarm-rule.js';
import { isSameRule, looksAtTheSame } from './compare-rules.js';
import type { StoredRule } from './rule-entry.js';

/** Which rules are listed; all given conditions must hold. */
export interface RuleSelection {
  readonly nameContains?: string | undefined;
  readonly enabled?: boolean | undefined;
  readonly severities?: readonly Severity[] | undefined;
}

/** The types of facts about rules. */
export type RuleFact = 'aegis.alarmrule.created' | 'aegis.alarmrule.updated' | 'aegis.alarmrule.removed';

/** Rows of rules in and out. Every change states a fact in the same transaction. */
export interface RuleRegistry {
  find(workspace: WorkspaceId, ids: readonly string[]): Promise<StoredRule[]>;
  findByNames(workspace: WorkspaceId, names: readonly string[]): Promise<StoredRule[]>;
  /** By name, behind a name, at most one more than `first`. */
  list(
    workspace: WorkspaceId,
    selection: RuleSelection,
    page: { readonly first: number; readonly after: string | undefined },
  ): Promise<StoredRule[]>;
  /** All rules by name. */
  all(workspace: WorkspaceId): Promise<StoredRule[]>;
  /** How many open alarms rules have, by the rule's id. */
  countOpen(workspace: WorkspaceId, ids: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Runs changes in one transaction. Errors: {@link RuleNameTaken}. */
  change<T>(workspace: WorkspaceId, work: (changes: RuleChanges) => Promise<T>): Promise<T>;
}

/** Changes of rules in one transaction. */
export interface RuleChanges {
  create(rule: AlarmRule, traceparent: string): Promise<StoredRule>;
  /** A new version of a rule; the rule as it is when it would be the same. Undefined when it is not there. */
  update(id: string, rule: AlarmRule, traceparent: string): Promise<StoredRule | undefined>;
  /** False when it is not there. */
  remove(id: string, origin: ChangeOrigin): Promise<boolean>;
}

/** Two rules of one name were made at the same moment. */
export class RuleNameTaken extends Error {
  override readonly name = 'RuleNameTaken';
}

type RuleRow = Prisma.AlarmRuleGetPayload<object>;

export interface RuleRegistryDeps {
  readonly database: Database;
  readonly log: EventLog;
}

/** Makes the registry of rules. */
export function createRuleRegistry({ database, log }: RuleRegistryDeps): RuleRegistry {
  const clientOf = (workspace: WorkspaceId) => database.inWorkspace(workspace).client;
  return {
    async find(workspace, ids) {
      const rows = await clientOf(workspace).alarmRule.findMany({
        where: { id: { in: ids.filter(isText) } },
      });
      return rows.map(toRule);
    },
    async findByNames(workspace, names) {
      const rows = await clientOf(workspace).alarmRule.findMany({
        where: { name: { in: names.filter(isText) } },
      });
      return rows.map(toRule);
    },
    async list(workspace, { nameContains, enabled, severities }, { first, after }) {
      if (nameContains !== undefined && !isText(nameContains)) return [];
      const rows = await clientOf(workspace).alarmRule.findMany({
        where: {
          AND: [
            nameContains === undefined
              ? {}
              : { name: { contains: escapeLike(nameContains), mode: 'insensitive' } },
            enabled === undefined ? {} : { enabled },
            severities ? { severity: { in: [...severities] } } : {},
            after === undefined ? {} : { name: { gt: after } },
          ],
        },
        orderBy: { name: 'asc' },
        take: first + 1,
      });
      return rows.map(toRule);
    },
    async all(workspace) {
      return (await clientOf(workspace).alarmRule.findMany({ orderBy: { name: 'asc' } })).map(toRule);
    },
    async countOpen(workspace, ids) {
      const groups = await clientOf(workspace).alarm.groupBy({
        by: ['ruleId'],
        where: { ruleId: { in: ids.filter(isText) }, state: { not: 'CLEARED' } },
        _count: true,
      });
      return new Map(groups.map(({ ruleId, _count: count }) => [ruleId, count]));
    },
    async change(workspace, work) {
      try {
        return await database.inWorkspace(workspace).transaction(async (transaction) => {
          const facts: FactOf[] = [];
          const result = await work(createChanges(transaction, facts));
          // Appending keeps others of the workspace from it until the commit: so it comes last.
          for (const fact of facts) await log.append(transaction, fact);
          return result;
        });
      } catch (error) {
        if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002') {
          throw new RuleNameTaken('another rule of this name was made at the same moment');
        }
        throw error;
      }
    },
  };
}

type FactOf = Parameters<EventLog['append']>[1];

function createChanges({ client, workspace }: Transaction, facts: FactOf[]): RuleChanges {
  return {
    async create(rule, traceparent) {
      const row = await client.alarmRule.create({
        data: {
          workspaceId: workspace,
          id: newId('rul'),
          version: 1,
          conditionVersion: 1,
          ...toColumns(rule),
        },
      });
      facts.push(toFact('aegis.alarmrule.created', row, traceparent));
      return toRule(row);
    },
    async update(id, rule, traceparent) {
      const former = isText(id) ? await client.alarmRule.findFirst({ where: { id } }) : null;
      if (!former) return undefined;
      const known = toRule(former);
      if (isSameRule(known.rule, rule)) return known;
      const version = former.version + 1;
      const conditionVersion = looksAtTheSame(known.rule, rule) ? former.conditionVersion : version;
      const [row] = await client.alarmRule.updateManyAndReturn({
        where: { id, version: former.version },
        data: { ...toColumns(rule), version, conditionVersion },
      });
      if (!row) throw new RuleNameTaken('the rule was changed at the same moment');
      facts.push(toFact('aegis.alarmrule.updated', row, traceparent));
      return toRule(row);
    },
    async remove(id, { traceparent }) {
      const row = isText(id) ? await client.alarmRule.findFirst({ where: { id } }) : null;
      if (!row) return false;
      const { count } = await client.alarmRule.deleteMany({ where: { id } });
      if (count === 0) return false;
      facts.push(toFact('aegis.alarmrule.removed', row, traceparent));
      return true;
    },
  };
}

function toColumns({ name, enabled, severity, ...rest }: AlarmRule) {
  // What was left out is not kept as such in JSON.
  const definition = JSON.parse(JSON.stringify(rest)) as Prisma.InputJsonObject;
  return { name, enabled, severity, definition };
}

function toRule(row: RuleRow): StoredRule {
  const { id, version, conditionVersion, createdAt, updatedAt, name, enabled, severity, definition } = row;
  const checked = readAlarmRule({ ...(definition as object), name, enabled, severity });
  if ('rule' in checked) return { id, version, conditionVersion, createdAt, updatedAt, rule: checked.rule };
  const mistakes = checked.mistakes.map(({ path, message }) => `${path.join('.')}: ${message}`).join(' ');
  throw new Error(`the rule ${id} is kept in a form that cannot be read: ${mistakes}`);
}

function toFact(
  type: RuleFact,
  { id, name, version, enabled, severity }: RuleRow,
  traceparent: string,
): FactOf {
  return {
    source: '/devices',
    type,
    subject: id,
    data: { id, name, version, enabled, severity },
    traceparent,
  };
}

/** A text of Postgres has no NUL: nothing is named by one that has. */
function isText(text: string): boolean {
  return !text.includes('\u0000');
}

/** Prisma passes `%` and `_` on to LIKE, where they stand for any text. */
function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}
