import { hash } from 'node:crypto';
import { Kind, print, type ArgumentNode, type ValueNode } from 'graphql';

/** One field of an operation as it names its value inside the gateway. */
export interface KeyedField {
  readonly name: string;
  readonly arguments: readonly ArgumentNode[];
  readonly responseName: string;
  /** One value may serve all response names of the field; otherwise each of them has a value of its own. */
  readonly shared: boolean;
}

/** Names the values of an operation's fields. */
export type FieldKeys = (field: KeyedField) => string;

/**
 * Names the values of an operation's fields by the fields' names and arguments, never by what the client calls them.
 *
 * The planner looks for keys and required fields under their bare names, and takes equal names for equal fields: what
 * a client calls `id` must be the id, and two values must not have one name. A field without arguments has its bare
 * name. A value that is not shared is numbered by the order of its response names, so that operations that differ only
 * in these still have one plan.
 *
 * @param reserved bare names that are for the gateway's own sake; see required-objects.ts.
 */
export function createFieldKeys(reserved: ReadonlySet<string>): FieldKeys {
  const texts = new Map<string, string>();
  const numbers = new Map<string, Map<string, number>>();

  /** Two texts with one hash would be two values with one name. */
  function distinct(key: string, text: string): string {
    const owner = texts.get(key) ?? text;
    texts.set(key, owner);
    return owner === text ? key : distinct(`${key}_`, text);
  }

  function numberOf(key: string, responseName: string): number {
    const known = numbers.get(key) ?? new Map<string, number>();
    numbers.set(key, known);
    const number = known.get(responseName) ?? known.size;
    known.set(responseName, number);
    return number;
  }

  return ({ name, arguments: given, responseName, shared }) => {
    const args = printArguments(given);
    const key = args === '' ? name : distinct(`${name}__aegis_${digest(args)}`, `${name}(${args})`);
    const first = args === '' && reserved.has(name) ? 1 : 0;
    const number = shared ? 0 : first + numberOf(key, responseName);
    if (number === 0) return key;
    return args === '' ? `${name}__aegis_${number}` : `${key}_n${number}`;
  };
}

/** Arguments, and the fields of objects in them, mean the same in any order. */
export function printArguments(given: readonly ArgumentNode[]): string {
  return [...given]
    .sort((a, b) => (a.name.value < b.name.value ? -1 : 1))
    .map(({ name, value }) => `${name.value}: ${print(sortValue(value))}`)
    .join(', ');
}

/** A value with the fields of its objects in the order of their names. */
export function sortValue<Value extends ValueNode>(value: Value): Value {
  if (value.kind === Kind.LIST) return { ...value, values: value.values.map(sortValue) };
  if (value.kind !== Kind.OBJECT) return value;
  const fields = value.fields.map((field) => ({ ...field, value: sortValue(field.value) }));
  return { ...value, fields: fields.sort((a, b) => (a.name.value < b.name.value ? -1 : 1)) };
}

function digest(text: string): string {
  return hash('sha256', text).slice(0, 12);
}
