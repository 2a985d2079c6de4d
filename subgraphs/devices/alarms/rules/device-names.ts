import type { UserError } from '../../generated/schema-types.js';
import type { AlarmRule } from './alarm-rule.js';

/** Devices that rules name, by what they are named by: id or name. */
export type NamedDevices = ReadonlyMap<string, { readonly id: string; readonly name: string }>;

/** All names and ids of devices in rules, each once. */
export function namedIn(rules: readonly AlarmRule[]): string[] {
  return [...new Set(rules.flatMap(({ target }) => target.devices ?? []))];
}

/** The rule with the ids of its devices, as it is kept; a device keeps its id when it is renamed. */
export function withIds(rule: AlarmRule, known: NamedDevices): AlarmRule {
  return withDevices(rule, (named) => known.get(named)?.id);
}

/** The rule with the names of its devices, as it is shown and exported; a device that is no more keeps its id. */
export function withNames(rule: AlarmRule, known: NamedDevices): AlarmRule {
  return withDevices(rule, (named) => known.get(named)?.name ?? named);
}

/** Tells which devices of a rule are not there. */
export function checkDevices(
  { target }: AlarmRule,
  known: NamedDevices,
  path: readonly string[],
): UserError[] {
  return (target.devices ?? []).flatMap((named, index) =>
    known.has(named)
      ? []
      : [
          {
            code: 'NOT_FOUND',
            message: `There is no device ${JSON.stringify(named.slice(0, 80))}; register it first, or leave it out.`,
            path: [...path, 'target', 'devices', String(index)],
          },
        ],
  );
}

function withDevices(rule: AlarmRule, toOther: (named: string) => string | undefined): AlarmRule {
  const { devices } = rule.target;
  if (!devices) return rule;
  const others = devices.flatMap((named) => toOther(named) ?? []);
  return { ...rule, target: { ...rule.target, devices: [...new Set(others)] } };
}
