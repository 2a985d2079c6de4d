import { describeValue as describe, quote } from '../../readings/describe-value.js';
import { MAX_ENTRIES, refuseMany, refusePayload as refuse } from '../refuse-payload.js';

/** A record as it came: fields by their names in JSON. */
export type SenmlRecord = Readonly<Record<string, unknown>>;

/** A record that stands for itself: base fields and relative times have been resolved. */
export interface ResolvedRecord {
  /** The base name and the name, one behind the other. */
  readonly name: string;
  /** The name alone; empty when the record has none. */
  readonly ownName: string;
  readonly unit: string | undefined;
  readonly value: number | string | boolean | undefined;
  /** The sum of the values over time, in the unit times a second. */
  readonly sum: number | undefined;
  /** Microseconds since 1970; undefined means when the pack arrived. */
  readonly measuredAtUs: number | undefined;
}

/** What the records so far say of those behind them. */
interface Base {
  name: string;
  time: number;
  unit: string | undefined;
  value: number | undefined;
  sum: number | undefined;
  version: number | undefined;
}

const FIELDS: ReadonlyMap<string, string> = new Map([
  ...['bn', 'bu', 'n', 'u', 'vs', 'vd'].map((field) => [field, 'string'] as const),
  ...['bt', 'bv', 'bs', 'bver', 'v', 's', 't', 'ut'].map((field) => [field, 'number'] as const),
  ['vb', 'boolean'],
]);
/** Source: RFC 8428, §4.5.1. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9\-:./_]*$/;
const MAX_NAME = 512;
/** Times below are relative to now, others since 1970. Source: RFC 8428, §4.5.3. */
const RELATIVE_BELOW = 2 ** 28;
/**
 * Version 10 is the format of RFC 8428; a version above is 10 with bits for features, of which we have that of the
 * secondary units. Source: RFC 9100, §3 and §4.
 */
const VERSION = 10;
const WITH_SECONDARY_UNITS = VERSION + 2 ** 4;

/**
 * Resolves a pack: every record gets the base fields of those before it, and its own time.
 *
 * Errors: BAD_USER_INPUT for what is no pack, PAYLOAD_TOO_LARGE for more than 1000 records.
 * Source: RFC 8428, §4.1 to §4.6.
 */
export function resolveSenml(pack: unknown, arrivedAtUs: number): ResolvedRecord[] {
  if (!Array.isArray(pack)) throw refuse(`expected a SenML pack, a list of records, got ${describe(pack)}`);
  const records: unknown[] = pack;
  if (records.length === 0) throw refuse('the SenML pack is empty');
  if (records.length > MAX_ENTRIES) throw refuseMany(records.length);
  const base: Base = {
    ...{ name: '', time: 0 },
    ...{ unit: undefined, value: undefined, sum: undefined, version: undefined },
  };
  return records.flatMap((record, index) => {
    const where = `record ${index}: `;
    const checked = checkRecord(record, where);
    takeBase(base, checked, where);
    return resolveRecord(checked, base, { where, arrivedAtUs });
  });
}

function checkRecord(record: unknown, where: string): SenmlRecord {
  if (typeof record !== 'object' || record === null || Array.isArray(record))
    throw refuse(`${where}expected an object, got ${describe(record)}`);
  for (const [field, value] of Object.entries(record)) {
    const type = FIELDS.get(field);
    if (type === undefined && field.endsWith('_'))
      throw refuse(`${where}the field ${quote(field)} must be understood, and is not`);
    const isRight = typeof value === type && (type !== 'number' || Number.isFinite(value));
    if (type !== undefined && !isRight)
      throw refuse(`${where}${field}: expected a ${type}, got ${describe(value)}`);
  }
  return record as SenmlRecord;
}

function takeBase(base: Base, record: SenmlRecord, where: string): void {
  const { bn, bt, bu, bv, bs, bver } = record;
  if (typeof bn === 'string') base.name = bn;
  if (typeof bt === 'number') base.time = bt;
  if (typeof bu === 'string') base.unit = bu;
  if (typeof bv === 'number') base.value = bv;
  if (typeof bs === 'number') base.sum = bs;
  if (typeof bver === 'number') base.version = checkVersion(bver, base.version, where);
}

function checkVersion(bver: number, former: number | undefined, where: string): number {
  const isKnown = Number.isInteger(bver) && bver >= 1 && (bver <= VERSION || bver === WITH_SECONDARY_UNITS);
  if (!isKnown)
    throw refuse(`${where}bver: expected at most ${VERSION}, or ${WITH_SECONDARY_UNITS}, got ${bver}`);
  if (former === undefined || former === bver) return bver;
  throw refuse(`${where}bver: expected ${former} as before, got ${bver}`);
}

function resolveRecord(
  record: SenmlRecord,
  base: Base,
  { where, arrivedAtUs }: { readonly where: string; readonly arrivedAtUs: number },
): ResolvedRecord[] {
  const { n, u, s } = record;
  const values = ['v', 'vs', 'vb', 'vd'].filter((field) => record[field] !== undefined);
  if (values.length > 1) throw refuse(`${where}expected one value, got ${values.join(' and ')}`);
  // A record may bring base fields alone.
  if (values.length === 0 && s === undefined && n === undefined) return [];
  if (values[0] === 'vd') throw refuse(`${where}vd: expected a number, a boolean or a text, got data`);
  const ownName = typeof n === 'string' ? n : '';
  return [
    {
      name: checkName(base.name + ownName, where),
      ownName,
      unit: typeof u === 'string' ? u : base.unit,
      value: resolveValue(record, base, where),
      sum: resolveSum(record, base),
      measuredAtUs: resolveTime(record, base, arrivedAtUs),
    },
  ];
}

/** A missing one of the two counts as 0; undefined when both are missing. */
function resolveSum({ s }: SenmlRecord, { sum }: Base): number | undefined {
  if (typeof s === 'number') return (sum ?? 0) + s;
  return sum;
}

/** A base value stands for the value of a record that has none, and is added to a number. */
function resolveValue({ v, vs, vb, s }: SenmlRecord, base: Base, where: string): ResolvedRecord['value'] {
  if (typeof v === 'number') return (base.value ?? 0) + v;
  if (typeof vs === 'string') return vs;
  if (typeof vb === 'boolean') return vb;
  if (base.value !== undefined) return base.value;
  if (s === undefined) throw refuse(`${where}expected a value or a sum, got none`);
  return undefined;
}

function resolveTime({ t }: SenmlRecord, { time }: Base, arrivedAtUs: number): number | undefined {
  const seconds = time + (typeof t === 'number' ? t : 0);
  if (seconds === 0) return undefined;
  const offsetUs = seconds < RELATIVE_BELOW ? arrivedAtUs : 0;
  return offsetUs + Math.round(seconds * 1_000_000);
}

function checkName(name: string, where: string): string {
  if (name.length <= MAX_NAME && NAME.test(name)) return name;
  throw refuse(
    `${where}expected a name of letters, digits and - : . / _ that begins with a letter or digit, got ${quote(name)}`,
  );
}
