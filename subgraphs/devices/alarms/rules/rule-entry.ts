import type { AlarmRule } from './alarm-rule.js';
import { compileCondition, type CompiledCondition } from './compile-condition.js';

/** A rule that is in force, ready to be evaluated. */
export interface RuleEntry {
  readonly id: string;
  readonly version: number;
  /** The version at which what it looks at changed last: what was found by another one is void. */
  readonly conditionVersion: number;
  /** Since when it looks, in milliseconds since 1970: data is missing from then on at the earliest. */
  readonly sinceMs: number;
  readonly rule: AlarmRule;
  readonly compiled: CompiledCondition;
}

/** A rule of the workspace as it is kept. */
export interface StoredRule {
  readonly id: string;
  readonly version: number;
  readonly conditionVersion: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly rule: AlarmRule;
}

const PROFILE_RULE = 'profile:';

/** Makes a rule of the workspace ready. */
export function toEntry({ id, version, conditionVersion, updatedAt, rule }: StoredRule): RuleEntry {
  const compiled = compileCondition(rule.condition);
  return { id, version, conditionVersion, sinceMs: updatedAt.getTime(), rule, compiled };
}

/** Makes a rule of a version of a profile ready; a version never changes, and so its rules do not either. */
export function toProfileEntry(
  profile: { readonly name: string; readonly version: number },
  rule: AlarmRule,
): RuleEntry {
  const { name, version } = profile;
  const compiled = compileCondition(rule.condition);
  return {
    id: `${PROFILE_RULE}${name}@${version}/${rule.name}`,
    version,
    conditionVersion: version,
    sinceMs: 0,
    rule,
    compiled,
  };
}

/** Whether a rule is one of a profile: it has no row. */
export function isProfileRule(ruleId: string): boolean {
  return ruleId.startsWith(PROFILE_RULE);
}
