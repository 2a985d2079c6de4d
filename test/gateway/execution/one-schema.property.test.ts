import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  buildSchema,
  execute,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  parse,
  validate,
  type GraphQLFieldResolver,
  type GraphQLOutputType,
} from 'graphql';
import { errorPlaces } from '../../support/error-places.js';
import { openTestGateway, type TestSubgraph } from '../../support/test-gateway.js';

/*
 * Three subgraphs must answer any operation as the one schema would of which they are the parts. Both read the same
 * world, in which every field is a value, null or an error as the world's seed has it.
 */

const ONE_SDL = `
  type Query { user(id: ID!): User users: [User] strict: [User!]! nodes: [Node] search: [Hit!] top: [Post] count: Int self: Query }
  interface Node { id: ID! label: String }
  union Hit = User | Post
  type User implements Node {
    id: ID! label: String name: String mood: Mood home: Address friends: [User!] level: Int!
    posts: [Post] pinned: Post! age: Int! best: User rank: Int
  }
  type Post implements Node {
    id: ID! label: String title: String! author: User tags: [String] comments: [[Comment]] strictComments: [Comment!]!
    likes(min: Int): Int cover: Address
  }
  type Comment { text: String by: User! }
  type Address { street: String city: String! }
  enum Mood { GOOD BAD }
`;
const ONE_SCHEMA = buildSchema(ONE_SDL);

const PARTS = {
  accounts: `
    type Query { user(id: ID!): User users: [User] strict: [User!]! nodes: [Node] search: [Hit!] self: Query @shareable }
    interface Node { id: ID! label: String }
    union Hit = User | Post
    type User implements Node @key(fields: "id") {
      id: ID! label: String name: String mood: Mood home: Address friends: [User!] level: Int!
    }
    type Post implements Node @key(fields: "id") { id: ID! label: String @shareable }
    type Address @shareable { street: String city: String! }
    enum Mood { GOOD BAD }`,
  posts: `
    type Post @key(fields: "id") {
      id: ID! label: String @shareable title: String! author: User tags: [String]
      comments: [[Comment]] strictComments: [Comment!]!
    }
    type Comment { text: String by: User! }
    type User @key(fields: "id") { id: ID! posts: [Post] pinned: Post! }`,
  stats: `
    type Query { top: [Post] count: Int self: Query @shareable }
    type User @key(fields: "id") { id: ID! level: Int! @external age: Int! best: User rank: Int @requires(fields: "level") }
    type Post @key(fields: "id") { id: ID! likes(min: Int): Int cover: Address }
    type Address @shareable { street: String city: String! }`,
};

/** A number between 0 and 1 that a text always has, under one seed. */
function chance(seed: number, text: string): number {
  let hash = seed ^ 0x9e3779b9;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x85ebca6b);
    hash ^= hash >>> 13;
  }
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** What never fails: keys, what is required, and the way back to the root. */
const SAFE = new Set(['id', 'level', 'self']);

interface Thing {
  readonly __typename: string;
  readonly id: string;
}

/** A value of a type that is no list, as the dice have it. */
function pickValue(type: GraphQLOutputType, roll: (sides: number, what: string) => number): unknown {
  const pick = (from: readonly string[]) => from[roll(from.length, 'pick')] ?? '';
  const id = pick(['', '1', '2']);
  if (isObjectType(type)) return { __typename: type.name, id };
  if (isAbstractType(type)) return { __typename: id === '1' ? 'User' : 'Post', id };
  if (isEnumType(type)) return pick(['GOOD', 'BAD']);
  return String(type) === 'Int' ? roll(3, 'int') : pick(['', 'x', 'y']);
}

/** The world as resolvers see it. */
function createWorld() {
  const world = { seed: 0 };

  function valueOf(type: GraphQLOutputType, key: string): unknown {
    const { seed } = world;
    const safe = SAFE.has(key.split('.')[1]?.split(/\W/)[0] ?? '');
    const dice = chance(seed, key);
    if (!safe && dice < 0.06) throw new Error(`no ${key}`);
    if (!safe && dice < (isNonNullType(type) ? 0.08 : 0.2)) return null;
    const nullable = getNullableType(type);
    if (isListType(nullable)) {
      const length = Math.floor(chance(seed, `${key} length`) * 4);
      // An item that throws is no item of a list in JavaScript: a rejected promise is.
      return Array.from({ length }, async (_none, index) => valueOf(nullable.ofType, `${key}[${index}]`));
    }
    return pickValue(nullable, (most, what) => Math.floor(chance(seed, `${key} ${what}`) * most));
  }

  function resolver(typeName: string, fieldName: string): GraphQLFieldResolver<Thing | undefined, unknown> {
    const type = ONE_SCHEMA.getType(typeName);
    if (!isObjectType(type)) throw new Error(`an object type ${typeName}`);
    const field = type.getFields()[fieldName];
    if (!field) throw new Error(`a field ${typeName}.${fieldName}`);
    return (parent, args) => {
      if (fieldName === 'id') return parent?.id;
      if (fieldName === 'self') return {};
      return valueOf(field.type, `${typeName}:${parent?.id ?? ''}.${fieldName}${JSON.stringify(args)}`);
    };
  }

  /** Resolvers for the fields that a part, or the whole, declares. */
  function resolversOf(sdl: string) {
    const resolvers: Record<string, Record<string, GraphQLFieldResolver<Thing | undefined, unknown>>> = {};
    for (const definition of parse(sdl).definitions) {
      if (definition.kind !== Kind.OBJECT_TYPE_DEFINITION) continue;
      const { value: typeName } = definition.name;
      const names = definition.fields?.map(({ name }) => name.value) ?? [];
      resolvers[typeName] = Object.fromEntries(names.map((name) => [name, resolver(typeName, name)]));
    }
    return resolvers;
  }

  return { world, resolversOf };
}

/** Draws an operation from a tape of numbers; where it ends, and for zeros, the simplest is drawn. */
function drawOperation(tape: readonly number[]): { text: string; variables: Record<string, unknown> } {
  let next = 0;
  const draw = (below: number) => (tape[next++] ?? 0) % below;
  const fragments: string[] = [];

  function condition(): string {
    const dice = draw(12);
    if (dice === 1) return ' @include(if: $yes)';
    if (dice === 2) return ' @include(if: $no)';
    return dice === 3 ? ' @skip(if: $no) @include(if: $yes)' : '';
  }

  function drawArguments(field: string): string {
    const number = draw(3);
    if (field === 'user') return `(id: "${number}")`;
    return field === 'likes' && number > 0 ? `(min: ${number})` : '';
  }

  function drawField(typeName: string, depth: number): string {
    const type = ONE_SCHEMA.getType(typeName);
    const fields = isObjectType(type) || isInterfaceType(type) ? Object.values(type.getFields()) : [];
    const field = fields[draw(fields.length + 1)];
    if (!field) return `${draw(3) === 1 ? 'kind: ' : ''}__typename${condition()}`;
    const args = drawArguments(field.name);
    // Of one alias there is only one meaning: two would not be valid.
    const suffix = args.replaceAll(/\W/g, '');
    const alias = args !== '' || draw(4) === 1 ? `${field.name}_${suffix}: ` : '';
    const inner = getInner(field.type);
    const head = `${alias}${field.name}${args}${condition()}`;
    if (!inner) return head;
    return depth <= 0 ? '__typename' : `${head} ${drawSelection(inner, depth - 1)}`;
  }

  function drawSelection(typeName: string, depth: number): string {
    const parts = Array.from({ length: 1 + draw(4) }, () => {
      const dice = draw(8);
      if (dice < 6 && typeName !== 'Hit') return drawField(typeName, depth);
      const conditions = { Node: ['Node', 'User', 'Post'], Hit: ['Hit', 'Node', 'User', 'Post'] }[
        typeName
      ] ?? [typeName];
      const on = conditions[draw(conditions.length)] ?? typeName;
      if (dice < 7 || depth <= 0)
        return `... on ${on}${condition()} ${depth <= 0 ? '{ __typename }' : drawSelection(on, depth - 1)}`;
      const name = `F${fragments.length}`;
      fragments.push('');
      fragments[Number(name.slice(1))] = `fragment ${name} on ${on} ${drawSelection(on, depth - 1)}`;
      return `...${name}${condition()}`;
    });
    return `{ ${parts.join(' ')} }`;
  }

  const selection = drawSelection('Query', 5);
  const used = (name: string) => [selection, ...fragments].some((text) => text.includes(`$${name})`));
  const declared = ['yes', 'no'].filter(used);
  const declaration =
    declared.length > 0 ? `(${declared.map((name) => `$${name}: Boolean!`).join(', ')})` : '';
  return {
    text: [`query ${declaration} ${selection}`, ...fragments].join('\n'),
    variables: Object.fromEntries(declared.map((name) => [name, name === 'yes'])),
  };
}

/** The name of the composite type inside lists and non-nulls; undefined for leaves. */
function getInner(type: GraphQLOutputType): string | undefined {
  let inner: GraphQLOutputType = type;
  while ('ofType' in inner) inner = inner.ofType;
  return isCompositeType(inner) ? inner.name : undefined;
}

const { world, resolversOf } = createWorld();

function toSubgraph(typeDefs: string): TestSubgraph {
  const resolvers = resolversOf(typeDefs);
  for (const [typeName, fields] of Object.entries(resolvers)) {
    if (typeName !== 'User' && typeName !== 'Post') continue;
    Object.assign(fields, { __resolveReference: (reference: Thing) => reference });
  }
  return { typeDefs, resolvers };
}

const gateway = openTestGateway({
  accounts: toSubgraph(PARTS.accounts),
  posts: toSubgraph(PARTS.posts),
  stats: toSubgraph(PARTS.stats),
});

for (const [typeName, fields] of Object.entries(resolversOf(ONE_SDL))) {
  const type = ONE_SCHEMA.getType(typeName);
  if (!isObjectType(type)) continue;
  for (const [name, resolve] of Object.entries(fields))
    Object.assign(type.getFields()[name] ?? {}, { resolve });
}

afterAll(() => gateway.close());

describe('a federated graph', () => {
  it('answers any query as the one schema of its parts would', async () => {
    const seed = Number(process.env['AEGIS_PROPERTY_SEED'] ?? Date.now() % 2 ** 31);
    const numRuns = Number(process.env['AEGIS_PROPERTY_RUNS'] ?? 300);
    process.stdout.write(`property test of the gateway: ${numRuns} runs, seed ${seed}\n`);
    let failing = 0;
    const property = fc.asyncProperty(
      fc.nat(),
      fc.array(fc.nat(1_000), { minLength: 10, maxLength: 150, size: 'max' }),
      async (worldSeed, tape) => {
        const { text, variables } = drawOperation(tape);
        const document = parse(text);
        fc.pre(validate(ONE_SCHEMA, document).length === 0);
        world.seed = worldSeed;
        const expected = await execute({
          schema: ONE_SCHEMA,
          document,
          variableValues: variables,
          rootValue: {},
        });
        const actual = await gateway.run(text, variables);
        if (expected.errors) failing += 1;
        const [got, wanted] = [actual, expected].map((result) => ({
          data: JSON.stringify(result.data),
          errors: errorPlaces(result),
        }));
        if (JSON.stringify(got) === JSON.stringify(wanted)) return;
        const messages = actual.errors?.map(
          ({ message, path }) => `${message} at ${String(path?.join('.'))}`,
        );
        expect({ text, ...got, messages }).toEqual({ text, ...wanted, messages: 'any' });
      },
    );
    await fc.assert(property, { seed, numRuns });
    // A world in which nothing fails would test little.
    expect(failing).toBeGreaterThan(numRuns / 10);
  }, 300_000);
});
