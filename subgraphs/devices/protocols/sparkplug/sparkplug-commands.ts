import {
  DATATYPES,
  type SparkplugMetric,
  type SparkplugValue,
} from '../../codecs/sparkplug/sparkplug-payload.js';
import type { Downlink } from '../../sessions/session.js';

/** What asks an edge node for its birth. Source: Sparkplug 3.0.0, §6.4.19. */
export const REBIRTH: SparkplugMetric = {
  name: 'Node Control/Rebirth',
  datatype: DATATYPES.Boolean,
  value: { kind: 'BOOLEAN', value: true },
};

/** The types whose values stand in 64 bits. */
const LONG_TYPES: ReadonlySet<number | undefined> = new Set([
  DATATYPES.Int64,
  DATATYPES.UInt64,
  DATATYPES.DateTime,
]);

/**
 * Writes what a device is told as metrics, which is all that Sparkplug has for commands: what is desired, each property by
 * its name; a command by the name of its action, `true` without an input, or as `<action>/<field>` for each of an object.
 *
 * @param datatypeOf the type that a metric had in the birth.
 */
export function toCommandMetrics(
  downlink: Downlink,
  datatypeOf: (name: string) => number | undefined,
): SparkplugMetric[] {
  return listValues(downlink).map(([name, given]) => toMetric(name, given, datatypeOf(name)));
}

function listValues(downlink: Downlink): readonly (readonly [string, unknown])[] {
  if (downlink.kind === 'desired') return Object.entries(downlink.desired);
  const { action, input } = downlink;
  if (input === null || input === undefined) return [[action, true]];
  if (typeof input !== 'object' || Array.isArray(input)) return [[action, input]];
  const fields = Object.entries(input);
  return fields.length === 0
    ? [[action, true]]
    : fields.map(([field, value]) => [`${action}/${field}`, value]);
}

function toMetric(name: string, given: unknown, birthType: number | undefined): SparkplugMetric {
  if (given === null || given === undefined)
    return { name, datatype: birthType ?? DATATYPES.String, isNull: true };
  const datatype = birthType ?? inferType(given);
  return { name, datatype, value: toValue(given, datatype) };
}

function toValue(given: unknown, datatype: number): SparkplugValue {
  if (typeof given === 'boolean') return { kind: 'BOOLEAN', value: given };
  if (typeof given === 'string') return { kind: 'TEXT', value: given };
  if (typeof given !== 'number') return { kind: 'TEXT', value: JSON.stringify(given) };
  if (LONG_TYPES.has(datatype)) return { kind: 'LONG', value: BigInt(Math.round(given)) };
  // Numbers of up to 32 bits stand as their two's complement.
  return { kind: 'NUMBER', value: isWhole(datatype) ? Math.round(given) >>> 0 : given };
}

function isWhole(datatype: number): boolean {
  return datatype >= DATATYPES.Int8 && datatype <= DATATYPES.UInt64;
}

function inferType(given: unknown): number {
  if (typeof given === 'boolean') return DATATYPES.Boolean;
  if (typeof given === 'number') return Number.isSafeInteger(given) ? DATATYPES.Int64 : DATATYPES.Double;
  return DATATYPES.String;
}
