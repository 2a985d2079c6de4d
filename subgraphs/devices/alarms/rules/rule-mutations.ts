import type { RequestContext } from '../../../../kernel/graphql/subgraph.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type {
  CreateAlarmRuleInput,
  RemoveAlarmRuleInput,
  UpdateAlarmRuleInput,
  UserError,
} from '../../generated/schema-types.js';
import { checkAlarmRule, type AlarmRule, type RuleMistake } from './alarm-rule.js';
import { checkDevices, namedIn, withIds, type NamedDevices } from './device-names.js';
import { RuleNameTaken, type RuleRegistry } from './registry.js';
import type { StoredRule } from './rule-entry.js';

/** What came of a change: the rule, or why not. */
export interface RulePayload {
  readonly alarmRule: StoredRule | null;
  readonly userErrors: UserError[];
}

/** What came of a removal. */
export interface RuleRemovalPayload {
  readonly alarmRuleId: string | null;
  readonly userErrors: UserError[];
}

/** The changes of rules, each checked first, with everything that is wrong told at once. */
export interface RuleMutations {
  create(input: CreateAlarmRuleInput, request: RequestContext): Promise<RulePayload>;
  update(input: UpdateAlarmRuleInput, request: RequestContext): Promise<RulePayload>;
  remove(input: RemoveAlarmRuleInput, request: RequestContext): Promise<RuleRemovalPayload>;
}

export interface RuleMutationsDeps {
  readonly rules: RuleRegistry;
  readonly findDevices: (workspace: WorkspaceId, idsOrNames: readonly string[]) => Promise<NamedDevices>;
}

/** Makes the changes of rules. */
export function createRuleMutations({ rules, findDevices }: RuleMutationsDeps): RuleMutations {
  async function check(
    workspace: WorkspaceId,
    written: object,
    exceptId?: string,
  ): Promise<{ readonly rule: AlarmRule } | { readonly userErrors: UserError[] }> {
    const checked = checkAlarmRule(written);
    if ('mistakes' in checked) return { userErrors: checked.mistakes.map(toUserError) };
    const { rule } = checked;
    const known = await findDevices(workspace, namedIn([rule]));
    const userErrors = checkDevices(rule, known, []);
    const [other] = await rules.findByNames(workspace, [rule.name]);
    if (other && other.id !== exceptId) userErrors.push(nameTaken(rule.name));
    return userErrors.length > 0 ? { userErrors } : { rule: withIds(rule, known) };
  }

  return {
    async create(input, { principal: { workspace }, trace }) {
      const checked = await check(workspace, input);
      if ('userErrors' in checked) return { alarmRule: null, userErrors: checked.userErrors };
      return guarded(input.name, async () => {
        const created = await rules.change(workspace, (changes) =>
          changes.create(checked.rule, trace.traceparent),
        );
        return { alarmRule: created, userErrors: [] };
      });
    },
    async update({ id, ...changed }, { principal: { workspace }, trace }) {
      const [former] = await rules.find(workspace, [id]);
      if (!former) return { alarmRule: null, userErrors: [noSuchRule(id)] };
      const checked = await check(workspace, merge(former.rule, changed), id);
      if ('userErrors' in checked) return { alarmRule: null, userErrors: checked.userErrors };
      return guarded(checked.rule.name, async () => {
        const updated = await rules.change(workspace, (changes) =>
          changes.update(id, checked.rule, trace.traceparent),
        );
        return updated
          ? { alarmRule: updated, userErrors: [] }
          : { alarmRule: null, userErrors: [noSuchRule(id)] };
      });
    },
    async remove({ id }, { principal: { workspace }, trace: { traceparent } }) {
      const removed = await rules.change(workspace, (changes) =>
        changes.remove(id, { workspace, traceparent }),
      );
      return removed
        ? { alarmRuleId: id, userErrors: [] }
        : { alarmRuleId: null, userErrors: [noSuchRule(id)] };
    },
  };
}

/** What is left out, or null, stays; but a description may be taken away. */
function merge(rule: AlarmRule, changed: Omit<UpdateAlarmRuleInput, 'id'>): object {
  const { description, ...others } = changed;
  const given = Object.fromEntries(Object.entries(others).filter(([, value]) => value != null));
  return { ...rule, ...given, ...(description === undefined ? {} : { description }) };
}

async function guarded(name: string, work: () => Promise<RulePayload>): Promise<RulePayload> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RuleNameTaken) return { alarmRule: null, userErrors: [nameTaken(name)] };
    throw error;
  }
}

function toUserError({ path, message }: RuleMistake): UserError {
  return { code: 'BAD_USER_INPUT', message, path: [...path] };
}

function nameTaken(name: string): UserError {
  const message = `There already is an alarm rule named ${JSON.stringify(name)}; choose another name, or update that rule.`;
  return { code: 'CONFLICT', message, path: ['name'] };
}

function noSuchRule(id: string): UserError {
  const message = `There is no alarm rule ${JSON.stringify(id.slice(0, 80))}; it may have been removed.`;
  return { code: 'NOT_FOUND', message, path: ['id'] };
}
