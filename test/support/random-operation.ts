import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  type GraphQLArgument,
  type GraphQLCompositeType,
  type GraphQLSchema,
} from 'graphql';
import type { Draw } from './random-graph.js';

/** An operation that may or may not be valid. */
export interface RandomOperation {
  readonly text: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

const VARIABLES: Readonly<Record<string, { readonly type: string; readonly value: unknown }>> = {
  yes: { type: 'Boolean!', value: true },
  no: { type: 'Boolean!', value: false },
  n: { type: 'Int', value: 2 },
  nothing: { type: 'Int = 1', value: null },
  by: { type: 'By', value: { moods: ['BAD'] } },
  representations: { type: 'Int', value: 1 },
};
const NUMBERS = ['1', '2', 'null', '$n', '$nothing', '$representations'];
const BYS = ['{}', '{ n: 1 }', '{ n: $n, moods: GOOD }', '{ moods: [BAD, GOOD], n: null }', '$by', 'null'];
const ALIASES = ['x', 'y', 'id', 'label', 'safe', 'f0', 'f1', 'a0', '__typename_'];

/** Draws a query with aliases, arguments, variables, fragments and conditions. */
export function drawOperation(schema: GraphQLSchema, draw: Draw): RandomOperation {
  const fragments: string[] = [];
  const pick = (from: readonly string[]) => from[draw(from.length)] ?? '';

  function condition(): string {
    return (
      ['', ' @include(if: $yes)', ' @skip(if: $yes)', ' @skip(if: $no) @include(if: true)'][draw(16)] ?? ''
    );
  }

  function drawArguments(args: readonly GraphQLArgument[]): string {
    const given = args.filter(() => draw(2) === 1);
    if (given.length === 0) return '';
    return `(${given.map(({ name }) => `${name}: ${pick(name === 'by' ? BYS : NUMBERS)}`).join(', ')})`;
  }

  function drawField(type: GraphQLCompositeType, depth: number): string {
    const alias = draw(4) === 1 ? `${pick(ALIASES)}: ` : '';
    const all = isObjectType(type) || isInterfaceType(type) ? Object.values(type.getFields()) : [];
    const leaves = all.filter((one) => !isCompositeType(getNamedType(one.type)));
    const fields = depth <= 0 ? leaves : draw(2) === 0 ? all.filter((one) => !leaves.includes(one)) : all;
    const field = draw(12) === 1 ? undefined : fields[draw(fields.length)];
    if (!field) return `${alias}__typename${condition()}`;
    const inner = getNamedType(field.type);
    const head = `${alias}${field.name}${drawArguments(field.args)}${condition()}`;
    return isCompositeType(inner) ? `${head} ${drawSelection(inner, depth - 1)}` : head;
  }

  function conditionsOf(type: GraphQLCompositeType): readonly GraphQLCompositeType[] {
    const abstract = [schema.getType('Node'), schema.getType('Any')].filter(isAbstractType);
    if (isAbstractType(type)) return [type, ...schema.getPossibleTypes(type), ...abstract];
    return [type, ...abstract.filter((one) => schema.isSubType(one, type))];
  }

  function drawFragment(type: GraphQLCompositeType, depth: number): string {
    const conditions = conditionsOf(type);
    const on = conditions[draw(conditions.length)] ?? type;
    const selection = depth <= 0 ? '{ __typename }' : drawSelection(on, depth - 1);
    if (draw(2) === 0) return `... on ${on.name}${condition()} ${selection}`;
    fragments.push(`fragment F${fragments.length} on ${on.name} ${selection}`);
    return `...F${fragments.length - 1}${condition()}`;
  }

  function drawSelection(type: GraphQLCompositeType, depth: number): string {
    const parts = Array.from({ length: 1 + draw(4) }, () =>
      draw(isAbstractType(type) ? 2 : 6) === 1 ? drawFragment(type, depth) : drawField(type, depth),
    );
    return `{ ${parts.join(' ')} }`;
  }

  const root = schema.getQueryType();
  if (!root) throw new Error('expected a schema with queries');
  const body = [drawSelection(root, 4), ...fragments];
  const used = Object.entries(VARIABLES).filter(([name]) => new RegExp(`\\$${name}\\b`).test(body.join(' ')));
  const declared = used.map(([name, { type }]) => `$${name}: ${type}`).join(', ');
  return {
    text: `query${declared === '' ? '' : ` (${declared})`} ${body.join('\n')}`,
    variables: Object.fromEntries(used.map(([name, { value }]) => [name, value])),
  };
}
