import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { AlarmTarget } from '../rules/alarm-rule.js';
import { readAlarmRule } from '../rules/alarm-rule.js';
import { toEntry, toProfileEntry, type RuleEntry, type StoredRule } from '../rules/rule-entry.js';
import type { AssignedDevice } from './evaluation.js';
import type { CandidateDevice } from './registry.js';

/** A choice by labels and groups. */
export interface TargetSelection {
  /** A selector such as `site=berlin`. */
  readonly labels?: string;
  /** Names or ids of groups: devices of any of them. */
  readonly groups?: string[];
}

export interface AssignmentsDeps {
  readonly workspace: WorkspaceId;
  /** Which of these devices are chosen. */
  readonly selects: (
    workspace: WorkspaceId,
    selection: TargetSelection,
    deviceIds: readonly string[],
  ) => Promise<ReadonlySet<string>>;
  /** The rules that a version of a profile brings, as they are written there. */
  readonly findProfileAlarms: (
    workspace: WorkspaceId,
    name: string,
    version: number,
  ) => Promise<readonly unknown[]>;
  /** Told of rules that cannot be read or whose groups are no more. */
  readonly onMistake: (what: string, error: unknown) => void;
}

/** Knows which rules look at a device. */
export interface Assignments {
  /** Ties devices to their rules. */
  assign(devices: readonly CandidateDevice[]): Promise<AssignedDevice[]>;
}

/**
 * Makes the choice of rules for devices, as the rules of a workspace stand now. A rule of the workspace, enabled or not,
 * takes the place of those of profiles that have its name.
 */
export function createAssignments(deps: AssignmentsDeps, rules: readonly StoredRule[]): Assignments {
  const { workspace, selects, findProfileAlarms, onMistake } = deps;
  const entries = rules.filter(({ rule }) => rule.enabled).map(toEntry);
  const names = new Set(rules.map(({ rule }) => rule.name));
  const byProfile = new Map<string, Promise<readonly RuleEntry[]>>();

  async function readProfile(name: string, version: number): Promise<readonly RuleEntry[]> {
    const written = await findProfileAlarms(workspace, name, version);
    return written.flatMap((value) => {
      const checked = readAlarmRule(value);
      if ('rule' in checked)
        return checked.rule.enabled ? [toProfileEntry({ name, version }, checked.rule)] : [];
      onMistake(`an alarm rule of the profile ${name}, version ${version}`, checked.mistakes);
      return [];
    });
  }

  async function entriesOfProfile({
    profileName,
    profileVersion,
  }: CandidateDevice): Promise<readonly RuleEntry[]> {
    if (profileName === null || profileVersion === null) return [];
    const key = `${profileName}@${profileVersion}`;
    const reading = byProfile.get(key) ?? readProfile(profileName, profileVersion);
    byProfile.set(key, reading);
    return (await reading).filter(({ rule }) => !names.has(rule.name));
  }

  /** Of rules that choose by labels or groups, the devices that each chooses. */
  async function select(ids: readonly string[]): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const chosen = new Map<string, ReadonlySet<string>>();
    for (const { id, rule } of entries) {
      const { labels, groups } = rule.target;
      if (labels === undefined && groups === undefined) continue;
      const selection = {
        ...(labels === undefined ? {} : { labels }),
        ...(groups ? { groups: [...groups] } : {}),
      };
      chosen.set(id, await selectBy(rule.name, selection, ids));
    }
    return chosen;
  }

  async function selectBy(
    rule: string,
    selection: TargetSelection,
    ids: readonly string[],
  ): Promise<ReadonlySet<string>> {
    try {
      return await selects(workspace, selection, ids);
    } catch (error) {
      onMistake(`the devices of the alarm rule ${rule}`, error);
      return new Set();
    }
  }

  return {
    async assign(devices) {
      const chosen = await select(devices.map(({ id }) => id));
      const assigned: AssignedDevice[] = [];
      for (const device of devices) {
        const own = entries.filter(
          ({ id, rule }) => isNamed(device, rule.target) && (chosen.get(id)?.has(device.id) ?? true),
        );
        const { id, createdAtMs, metrics } = device;
        assigned.push({ id, createdAtMs, metrics, entries: [...own, ...(await entriesOfProfile(device))] });
      }
      return assigned;
    },
  };
}

function isNamed({ id, name, profileName }: CandidateDevice, { devices, profile }: AlarmTarget): boolean {
  if (profile !== undefined && profile !== profileName) return false;
  return !devices || devices.includes(id) || devices.includes(name);
}
