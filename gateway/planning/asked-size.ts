import { Kind, valueFromASTUntyped, type FieldNode, type ValueNode } from 'graphql';
import type { Quantity, Variables } from './quantity.js';

/** The defaults of an operation's variables, for requests that do not send them. */
export type VariableDefaults = Readonly<Record<string, unknown>>;

/** The value of a variable in one request: as it was sent, or else its default. */
export function valueOf(name: string, variables: Variables, defaults: VariableDefaults): unknown {
  const sent = variables[name];
  return sent === undefined ? defaults[name] : sent;
}

/**
 * How many a field asks for by one of its arguments; undefined when the argument is not given or no number.
 *
 * @param path the argument's name; a dot leads into an input object, as in `input.first`.
 * @param fallback what a variable stands for that is not sent, or sent as null.
 */
export function findAskedSize(
  field: FieldNode,
  path: string,
  { defaults, fallback }: { readonly defaults: VariableDefaults; readonly fallback: number },
): Quantity | undefined {
  const [name = '', ...inner] = path.split('.');
  const argument = field.arguments?.find((given) => given.name.value === name);
  return argument && readSize(argument.value, inner);

  function readSize(value: ValueNode, rest: readonly string[]): Quantity | undefined {
    if (value.kind === Kind.VARIABLE) {
      const variable = value.name.value;
      return (variables) => toSize(valueOf(variable, variables, defaults), rest) ?? fallback;
    }
    const [next, ...others] = rest;
    if (next === undefined || value.kind !== Kind.OBJECT) return toSize(valueFromASTUntyped(value), rest);
    const member = value.fields.find((given) => given.name.value === next);
    return member && readSize(member.value, others);
  }
}

function toSize(value: unknown, path: readonly string[]): number | undefined {
  let found = value;
  for (const name of path) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = (found as Record<string, unknown>)[name];
  }
  return typeof found === 'number' ? Math.max(0, found) : undefined;
}
