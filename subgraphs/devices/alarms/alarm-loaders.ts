import DataLoader from 'dataloader';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { AlarmState } from './alarm.js';
import type { AlarmModel } from './models.js';
import type { AlarmRegistry } from './registry.js';
import type { NamedDevices } from './rules/device-names.js';
import type { RuleRegistry } from './rules/registry.js';
import type { StoredRule } from './rules/rule-entry.js';

/** The newest alarms of a device that are asked for. */
export interface DeviceAlarmsKey {
  readonly deviceId: string;
  readonly first: number;
  readonly states: readonly AlarmState[];
}

/** What the resolvers of one request share of alarms. */
export interface AlarmLoaders {
  readonly alarmRules: DataLoader<string, StoredRule | undefined>;
  /** How many open alarms a rule has, by its id. */
  readonly openAlarms: DataLoader<string, number>;
  readonly alarmsOfDevice: DataLoader<DeviceAlarmsKey, AlarmModel[], string>;
  /** A device by what a rule names it by: the id, as it is kept. */
  readonly namedDevices: DataLoader<string, string>;
}

export interface AlarmLoadersDeps {
  readonly alarms: AlarmRegistry;
  readonly rules: RuleRegistry;
  readonly findDevices: (workspace: WorkspaceId, idsOrNames: readonly string[]) => Promise<NamedDevices>;
}

/** Makes the loaders of one request. */
export function createAlarmLoaders(
  { alarms, rules, findDevices }: AlarmLoadersDeps,
  workspace: WorkspaceId,
): AlarmLoaders {
  return {
    alarmRules: new DataLoader(async (ids) => {
      const byId = new Map((await rules.find(workspace, ids)).map((rule) => [rule.id, rule]));
      return ids.map((id) => byId.get(id));
    }),
    openAlarms: new DataLoader(async (ids) => {
      const counts = await rules.countOpen(workspace, ids);
      return ids.map((id) => counts.get(id) ?? 0);
    }),
    alarmsOfDevice: new DataLoader<DeviceAlarmsKey, AlarmModel[], string>(
      (keys) => loadAlarms(alarms, workspace, keys),
      { cacheKeyFn: JSON.stringify },
    ),
    namedDevices: new DataLoader(async (ids) => {
      const known = await findDevices(workspace, ids);
      return ids.map((id) => known.get(id)?.name ?? id);
    }),
  };
}

/** One statement for all devices of which the same is asked, as it is in one selection. */
async function loadAlarms(
  alarms: AlarmRegistry,
  workspace: WorkspaceId,
  keys: readonly DeviceAlarmsKey[],
): Promise<AlarmModel[][]> {
  const groups = groupBy(keys, ({ first, states }) => JSON.stringify([first, states]));
  const found = new Map<DeviceAlarmsKey, AlarmModel[]>();
  for (const group of groups.values()) {
    const [options] = group;
    if (!options) continue;
    const ids = group.map(({ deviceId }) => deviceId);
    const byDevice = groupBy(await alarms.newestOf(workspace, ids, options), ({ deviceId }) => deviceId);
    for (const key of group) found.set(key, byDevice.get(key.deviceId) ?? []);
  }
  return keys.map((key) => found.get(key) ?? []);
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item)) ?? [];
    group.push(item);
    groups.set(keyOf(item), group);
  }
  return groups;
}
