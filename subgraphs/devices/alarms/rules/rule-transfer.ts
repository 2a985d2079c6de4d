import { parse as parseYaml, stringify as toYaml } from 'yaml';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { RequestContext } from '../../../../kernel/graphql/subgraph.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { AlarmRuleFormat, ImportAlarmRulesInput, UserError } from '../../generated/schema-types.js';
import { checkAlarmRule, type AlarmRule } from './alarm-rule.js';
import { isSameRule } from './compare-rules.js';
import { checkDevices, namedIn, withIds, withNames, type NamedDevices } from './device-names.js';
import type { RuleRegistry } from './registry.js';
import type { StoredRule } from './rule-entry.js';

/** What came of an import. */
export interface ImportPayload {
  readonly created: string[];
  readonly updated: string[];
  readonly unchanged: string[];
  readonly dryRun: boolean;
  readonly userErrors: UserError[];
}

/** Rules as text, out and in. */
export interface RuleTransfer {
  export(
    workspace: WorkspaceId,
    options: { readonly format: AlarmRuleFormat; readonly names: readonly string[] | undefined },
  ): Promise<string>;
  import(input: ImportAlarmRulesInput, request: RequestContext): Promise<ImportPayload>;
}

export interface RuleTransferDeps {
  readonly rules: RuleRegistry;
  readonly findDevices: (workspace: WorkspaceId, idsOrNames: readonly string[]) => Promise<NamedDevices>;
}

const MAX_TEXT = 1_000_000;
const MAX_RULES = 1_000;

/**
 * Makes the transfer of rules. The text is `{"alarmRules": [rule, …]}`, each rule as `CreateAlarmRuleInput` has it; devices
 * stand there by name, so that it fits another installation.
 */
export function createRuleTransfer({ rules, findDevices }: RuleTransferDeps): RuleTransfer {
  async function apply(
    workspace: WorkspaceId,
    {
      wanted,
      dryRun,
      traceparent,
    }: { readonly wanted: readonly AlarmRule[]; readonly dryRun: boolean; readonly traceparent: string },
  ): Promise<ImportPayload> {
    const stored = await rules.findByNames(
      workspace,
      wanted.map(({ name }) => name),
    );
    const byName = new Map(stored.map((rule) => [rule.rule.name, rule]));
    const created: string[] = [];
    const updated: string[] = [];
    const unchanged: string[] = [];
    const done = { created, updated, unchanged, dryRun, userErrors: [] };
    if (dryRun) {
      for (const rule of wanted) sortInto({ created, updated, unchanged }, byName.get(rule.name), rule);
      return done;
    }
    await rules.change(workspace, async (changes) => {
      for (const rule of wanted) {
        const former = byName.get(rule.name);
        const now = former
          ? await changes.update(former.id, rule, traceparent)
          : await changes.create(rule, traceparent);
        if (!former || !now) created.push(rule.name);
        else (now.version === former.version ? unchanged : updated).push(rule.name);
      }
    });
    return done;
  }

  return {
    async export(workspace, { format, names }) {
      const stored = names ? await rules.findByNames(workspace, names) : await rules.all(workspace);
      const missing = names?.find((name) => stored.every(({ rule }) => rule.name !== name));
      if (missing !== undefined) {
        const message = `names: there is no alarm rule named ${JSON.stringify(missing.slice(0, 80))}.`;
        throw new AegisError('NOT_FOUND', message);
      }
      const written = stored.map(({ rule }) => rule).sort((a, b) => (a.name < b.name ? -1 : 1));
      const known = await findDevices(workspace, namedIn(written));
      const data = { alarmRules: written.map((rule) => withNames(rule, known)) };
      return format === 'JSON' ? `${JSON.stringify(data, undefined, 2)}\n` : toYaml(data);
    },
    async import({ text, dryRun: isDry }, { principal: { workspace }, trace: { traceparent } }) {
      const dryRun = isDry ?? false;
      const read = readRules(text);
      if ('userErrors' in read) return refused(read.userErrors, dryRun);
      const known = await findDevices(workspace, namedIn(read.rules));
      const userErrors = read.rules.flatMap((rule, index) => checkDevices(rule, known, pathOf(index)));
      if (userErrors.length > 0) return refused(userErrors, dryRun);
      const wanted = read.rules.map((rule) => withIds(rule, known));
      return apply(workspace, { wanted, dryRun, traceparent });
    },
  };
}

function sortInto(
  lists: { readonly created: string[]; readonly updated: string[]; readonly unchanged: string[] },
  former: StoredRule | undefined,
  rule: AlarmRule,
): void {
  if (!former) lists.created.push(rule.name);
  else (isSameRule(former.rule, rule) ? lists.unchanged : lists.updated).push(rule.name);
}

function readRules(text: string): { readonly rules: AlarmRule[] } | { readonly userErrors: UserError[] } {
  if (text.length > MAX_TEXT) {
    return { userErrors: [refuse(`Expected at most ${MAX_TEXT} characters, got ${text.length}.`, ['text'])] };
  }
  const data = parseText(text);
  if (data instanceof Error) {
    return { userErrors: [refuse(`Expected YAML or JSON, got something else: ${data.message}`, ['text'])] };
  }
  const list =
    typeof data === 'object' && data !== null && 'alarmRules' in data ? data.alarmRules : undefined;
  if (!Array.isArray(list) || list.length > MAX_RULES) {
    const came = Array.isArray(list) ? `${list.length} rules` : 'none';
    return {
      userErrors: [
        refuse(`Expected a list \`alarmRules\` of at most ${MAX_RULES} rules, got ${came}.`, ['text']),
      ],
    };
  }
  return checkRules(list);
}

function checkRules(
  list: readonly unknown[],
): { readonly rules: AlarmRule[] } | { readonly userErrors: UserError[] } {
  const rules: AlarmRule[] = [];
  const userErrors: UserError[] = [];
  for (const [index, value] of list.entries()) {
    const checked = checkAlarmRule(value);
    if ('mistakes' in checked) {
      userErrors.push(
        ...checked.mistakes.map(({ message, path }) => refuse(message, [...pathOf(index), ...path])),
      );
      continue;
    }
    const { name } = checked.rule;
    if (rules.some((rule) => rule.name === name)) {
      userErrors.push(
        refuse(`Expected each name once, got ${JSON.stringify(name)} again.`, [...pathOf(index), 'name']),
      );
    }
    rules.push(checked.rule);
  }
  return userErrors.length > 0 ? { userErrors } : { rules };
}

/** JSON is YAML as well. Aliases are bounded, so that a small text does not become a large one. */
function parseText(text: string): unknown {
  try {
    return parseYaml(text, { maxAliasCount: 100, schema: 'core' });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function pathOf(index: number): string[] {
  return ['text', 'alarmRules', String(index)];
}

function refuse(message: string, path: readonly string[]): UserError {
  return { code: 'BAD_USER_INPUT', message, path: [...path] };
}

function refused(userErrors: UserError[], dryRun: boolean): ImportPayload {
  return { created: [], updated: [], unchanged: [], dryRun, userErrors };
}
