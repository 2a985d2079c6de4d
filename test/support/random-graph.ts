import {
  buildSchema,
  getNullableType,
  isAbstractType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  parse,
  type GraphQLFieldResolver,
  type GraphQLOutputType,
  type GraphQLSchema,
} from 'graphql';
import type { TestSubgraph } from './test-gateway.js';

/** A number from zero up to, not including, a bound. */
export type Draw = (below: number) => number;

/** Draws the same numbers for the same seed (mulberry32). */
export function createDraw(seed: number): Draw {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % Math.max(below, 1);
  };
}

/** A graph as one schema, and as the subgraphs that it is split over. Both read one world. */
export interface RandomGraph {
  readonly sdl: string;
  readonly schema: GraphQLSchema;
  readonly subgraphs: Readonly<Record<string, TestSubgraph>>;
  /** From its seed the world has every value, null and error. */
  readonly world: { seed: number };
}

interface Field {
  readonly name: string;
  readonly args: string;
  readonly type: string;
  readonly directives: string;
  /** The subgraphs that have it. */
  readonly owners: readonly number[];
  /** What the subgraph must be sent for it. */
  readonly requires?: { readonly name: string; readonly arguments: string; readonly selection: string };
}

interface Entity {
  readonly name: string;
  readonly fields: readonly Field[];
  /** The subgraphs in which it implements the interface. */
  readonly nodeIn: readonly number[];
}

interface Plan {
  readonly subgraphs: number;
  readonly entities: readonly Entity[];
  readonly root: readonly Field[];
  /** For each subgraph, the entities that its union may be. */
  readonly members: readonly (readonly string[])[];
}

const VALUES = ['Int', 'String', 'Mood', 'Int!', '[String]', '[[Int!]]'];
const WRAPS = ['@', '@', '[@]', '@!', '[@!]', '[@!]!', '[[@]]'];
const COMMON = `
  enum Mood { GOOD BAD }
  input By { n: Int moods: [Mood!] }`;
const VALUE_FIELDS = 'safe: Int text: String must: String!';

/** Draws a graph: its types, and which subgraphs have which of its fields. */
export function drawGraph(draw: Draw): RandomGraph {
  const plan = drawPlan(draw);
  const sdl = printWhole(plan);
  const schema = buildSchema(sdl);
  const world = { seed: 0 };
  const resolve = createResolvers(plan, schema, world);
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields()))
      field.resolve = resolve(type.name, field.name, 'whole');
  }
  const subgraphs = Array.from({ length: plan.subgraphs }, (_none, index) => {
    const typeDefs = printPart(plan, index);
    return [`s${index}`, { typeDefs, resolvers: resolversOf(typeDefs, resolve) }] as const;
  });
  return { sdl, schema, subgraphs: Object.fromEntries(subgraphs), world };
}

function drawPlan(draw: Draw): Plan {
  const subgraphs = 2 + draw(3);
  const names = ['A', 'B', 'C'].slice(0, 2 + draw(2));
  const some = () => Array.from({ length: subgraphs }, (_none, index) => index).filter(() => draw(3) > 0);
  const members = Array.from({ length: subgraphs }, () => names.filter(() => draw(4) > 0));
  const nodes = names.map(some);
  const hasNode = (at: number) => nodes.some((in_) => in_.includes(at));

  function drawType(at: number, isRoot: boolean): string {
    const dice = isRoot ? 4 + draw(6) : draw(10);
    if (dice < 4) return VALUES[draw(VALUES.length)] ?? 'Int';
    const special = [members[at]?.length ? 'Any' : undefined, hasNode(at) ? 'Node' : undefined, 'Value'];
    const inner = special[dice - 4] ?? names[draw(names.length)] ?? 'A';
    return (WRAPS[draw(WRAPS.length)] ?? '@').replace('@', inner);
  }

  function drawField(name: string, isRoot = false): Field {
    const at = draw(subgraphs);
    const type = drawType(at, isRoot);
    const args = ['', '', '(n: Int)', '(n: Int = 1, by: By)'][draw(4)] ?? '';
    // What an abstract type may be there differs between subgraphs: they would not agree.
    const another = draw(4) === 1 && !/Any|Node/.test(type) ? [(at + 1) % subgraphs] : [];
    return { name, args, type, directives: '', owners: [at, ...another] };
  }

  function drawRequiring(name: string, given: readonly Field[]): Field | undefined {
    const needed = given[draw(given.length)];
    if (!needed) return undefined;
    const others = Array.from({ length: subgraphs }, (_none, index) => index).filter(
      (index) => !needed.owners.includes(index),
    );
    const at = others[draw(others.length)];
    if (at === undefined) return undefined;
    const number = draw(3);
    const given_ = needed.args !== '' && number > 0 ? `(n: ${number})` : '';
    const selection = needed.type.includes('Value') ? ' { safe }' : '';
    const directives = `@requires(fields: "${needed.name}${given_}${selection}")`;
    return {
      name,
      args: '',
      type: 'String',
      directives,
      owners: [at],
      requires: { name: needed.name, arguments: given_, selection },
    };
  }

  const entities = names.map((name, index): Entity => {
    const prefix = name.toLowerCase();
    const fields = Array.from({ length: 2 + draw(5) }, (_none, number) =>
      drawField(`${draw(2) ? 'f' : prefix}${number}`),
    );
    const safe: Field[] = [
      { name: 'safe', args: '(n: Int)', type: 'Int', directives: '', owners: [draw(subgraphs)] },
      { name: 'safes', args: '', type: '[[Value]]', directives: '', owners: [draw(subgraphs)] },
    ];
    const requiring = ['r0', 'r1', 'r2'].flatMap((one) => drawRequiring(one, safe) ?? []);
    return { name, fields: [...fields, ...safe, ...requiring], nodeIn: nodes[index] ?? [] };
  });
  const root = Array.from({ length: 2 + draw(3) }, (_none, number) => drawField(`q${number}`, true));
  const first = {
    name: 'first',
    args: '',
    type: `[${names[0] ?? 'A'}]`,
    directives: '',
    owners: [draw(subgraphs)],
  };
  return { subgraphs, entities, root: [first, ...root], members };
}

function printWhole({ entities, root, members }: Plan): string {
  const all = new Set(members.flat());
  const bare = (fields: readonly Field[]) =>
    fields.map(({ name, args, type }) => `${name}${args}: ${type}`).join(' ');
  return [
    COMMON,
    `type Value { ${VALUE_FIELDS} }`,
    `type Query { self: Query ${bare(root)} }`,
    entities.some(({ nodeIn }) => nodeIn.length > 0) ? 'interface Node { id: ID! label: String }' : '',
    all.size > 0 ? `union Any = ${[...all].join(' | ')}` : '',
    ...entities.map(({ name, fields, nodeIn }) => {
      const [head, label] = nodeIn.length > 0 ? [' implements Node', 'label: String'] : ['', ''];
      return `type ${name}${head} { id: ID! ${label} ${bare(fields)} }`;
    }),
  ].join('\n');
}

function printPart({ entities, root, members, subgraphs }: Plan, at: number): string {
  const own = (fields: readonly Field[]) => {
    const mine = fields.filter(({ owners }) => owners.includes(at));
    const needed = new Set(mine.flatMap(({ requires }) => requires?.name ?? []));
    return [
      ...mine.map(
        ({ name, args, type, directives, owners }) =>
          `${name}${args}: ${type} ${directives}${owners.length > 1 ? '@shareable' : ''}`,
      ),
      ...fields
        .filter(({ name, owners }) => needed.has(name) && !owners.includes(at))
        .map(({ name, args, type }) => `${name}${args}: ${type} @external`),
    ].join(' ');
  };
  const union = members[at] ?? [];
  return [
    COMMON,
    `type Value @shareable { ${VALUE_FIELDS} }`,
    `type Query { ${at < 2 || subgraphs === 2 ? 'self: Query @shareable' : ''} here${at}: Int ${own(root)} }`,
    entities.some(({ nodeIn }) => nodeIn.includes(at)) ? 'interface Node { id: ID! label: String }' : '',
    union.length > 0 ? `union Any = ${union.join(' | ')}` : '',
    ...entities.map(({ name, fields, nodeIn }) => {
      const [head, label] = nodeIn.includes(at) ? [' implements Node', 'label: String @shareable'] : ['', ''];
      return `type ${name}${head} @key(fields: "id") { id: ID! ${label} ${own(fields)} }`;
    }),
  ].join('\n');
}

interface Thing {
  readonly __typename: string;
  readonly id: string;
  readonly [field: string]: unknown;
}

type Resolver = GraphQLFieldResolver<Thing | undefined, unknown>;
type ResolverOf = (typeName: string, fieldName: string, where: 'whole' | 'part') => Resolver;

/** What never fails: keys, what is required, and the way back to the root. */
const SAFE = new Set(['id', 'safe', 'safes', 'self']);

function createResolvers(plan: Plan, schema: GraphQLSchema, world: { readonly seed: number }): ResolverOf {
  function pickValue(type: GraphQLOutputType, possible: readonly string[], key: string): unknown {
    const roll = (sides: number, what: string) => Math.floor(chance(world.seed, `${key} ${what}`) * sides);
    const id = ['', '1', '2'][roll(3, 'id')];
    if (isObjectType(type)) return { __typename: type.name, id };
    if (isAbstractType(type)) return { __typename: possible[roll(possible.length, 'type')], id };
    if (isEnumType(type)) return ['GOOD', 'BAD'][roll(2, 'enum')];
    return String(type) === 'Int' ? roll(3, 'int') : ['', 'x', 'y'][roll(3, 'text')];
  }

  function valueOf(type: GraphQLOutputType, possible: readonly string[], key: string): unknown {
    const safe = SAFE.has(key.split('.')[1]?.split(/\W/)[0] ?? '');
    const dice = chance(world.seed, key);
    if (!safe && dice < 0.06) throw new Error(`no ${key}`);
    if (!safe && dice < (isNonNullType(type) ? 0.08 : 0.2)) return null;
    const nullable = getNullableType(type);
    if (!isListType(nullable)) return pickValue(nullable, possible, key);
    const length = Math.floor(chance(world.seed, `${key} length`) * 4);
    // An item that throws is no item of a list in JavaScript: a rejected promise is.
    return Array.from({ length }, async (_none, index) =>
      valueOf(nullable.ofType, possible, `${key}[${index}]`),
    );
  }

  function possibleAt(typeName: string, field: Field | undefined): readonly string[] {
    const at = field?.owners[0] ?? 0;
    if (field?.type.includes('Any')) return plan.members[at] ?? [];
    return plan.entities.filter(({ nodeIn }) => nodeIn.includes(at)).map(({ name }) => name);
  }

  return (typeName, fieldName, where) => {
    const entity = plan.entities.find(({ name }) => name === typeName);
    const fields = entity?.fields ?? (typeName === 'Query' ? plan.root : []);
    const field = fields.find(({ name }) => name === fieldName);
    const possible = possibleAt(typeName, field);
    const compute = (id: string, name: string, args: unknown) => {
      const type = schema.getType(typeName);
      const declared = isObjectType(type) ? type.getFields()[name]?.type : undefined;
      if (!declared) throw new Error(`expected ${typeName} to have a field ${name}`);
      return valueOf(declared, possible, `${typeName}:${id}.${name}${JSON.stringify(args)}`);
    };
    const requires = field?.requires;
    if (!requires)
      return (parent, args) => readPlain(fieldName, parent) ?? compute(parent?.id ?? '', fieldName, args);
    const { name, selection } = requires;
    if (where === 'part') return (parent) => JSON.stringify(parent?.[name]);
    const number = /\d/.exec(requires.arguments)?.[0];
    return async (parent) => {
      const needed = await settle(compute(parent?.id ?? '', name, number ? { n: Number(number) } : {}));
      return JSON.stringify(selection === '' ? needed : await onlySafe(needed));
    };
  };

  async function onlySafe(value: unknown): Promise<unknown> {
    if (Array.isArray(value)) return Promise.all(value.map(onlySafe));
    const { id } = value as Thing;
    const type = schema.getType('Value');
    if (!isObjectType(type)) throw new Error('expected a type Value');
    return {
      safe: await valueOf(type.getFields()['safe']?.type as GraphQLOutputType, [], `Value:${id}.safe{}`),
    };
  }
}

/** The fields that are no values of the world. */
function readPlain(fieldName: string, parent: Thing | undefined): unknown {
  if (fieldName === 'id') return parent?.id;
  if (fieldName === 'self') return {};
  return fieldName.startsWith('here') ? 1 : undefined;
}

async function settle(value: unknown): Promise<unknown> {
  const known = await value;
  return Array.isArray(known) ? Promise.all(known.map(settle)) : known;
}

function resolversOf(typeDefs: string, resolve: ResolverOf) {
  const resolvers: Record<string, Record<string, unknown>> = {};
  for (const definition of parse(typeDefs).definitions) {
    if (definition.kind !== Kind.OBJECT_TYPE_DEFINITION) continue;
    const { value: typeName } = definition.name;
    const fields = (definition.fields ?? []).filter(
      ({ directives = [] }) => !directives.some(({ name }) => name.value === 'external'),
    );
    resolvers[typeName] = Object.fromEntries(
      fields.map(({ name }) => [name.value, resolve(typeName, name.value, 'part')]),
    );
    if (definition.directives?.some(({ name }) => name.value === 'key'))
      resolvers[typeName].__resolveReference = (reference: Thing) => reference;
  }
  return resolvers as NonNullable<TestSubgraph['resolvers']>;
}

/** A number between 0 and 1 that a text always has, under one seed. */
function chance(seed: number, text: string): number {
  let hash = seed ^ 0x9e3779b9;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x85ebca6b);
    hash ^= hash >>> 13;
  }
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
