import { describe, expect, it } from '@jest/globals';
import { buildSchema, parse } from 'graphql';
import { composeSupergraph } from '../../../gateway/supergraph/compose.js';
import { OPERATION_LIMITS } from '../../../gateway/planning/operation-limit-settings.js';
import { createOperationLimits, type OperationLimits } from '../../../gateway/planning/operation-limits.js';
import { readSupergraph } from '../../../gateway/supergraph/read-supergraph.js';
import { AegisError } from '../../../kernel/errors/aegis-error.js';

const FEDERATION = 'https://specs.apollo.dev/federation/v2.9';

function limitsOf(
  typeDefs: string,
  settings: Partial<typeof OPERATION_LIMITS> = {},
  imports = '"@cost", "@listSize"',
): OperationLimits {
  const link = `extend schema @link(url: "${FEDERATION}", import: ["@key", ${imports}])`;
  const composed = composeSupergraph([{ name: 'shop', url: '', typeDefs: parse(`${link}\n${typeDefs}`) }]);
  // Apollo's composition does not let slicing arguments lead into input objects, as IBM's specification does.
  const supergraphSdl = composed.replace(
    /assumedSize: 2\b[^)]*/,
    'assumedSize: 2, slicingArguments: ["filter.limit"], requireOneSlicingArgument: false',
  );
  const schema = buildSchema(readSupergraph(supergraphSdl).facts.apiSdl.join('\n'));
  return createOperationLimits({ schema, supergraphSdl, settings: { ...OPERATION_LIMITS, ...settings } });
}

const SHOP = `
  type Query { user: User users(first: Int, last: Int): [User!]! search: [Found!]! }
  type Mutation { rename(input: Rename!): User }
  input Rename { id: ID! name: String }
  type User { id: ID! name: String! friends: [User!]! address: Address }
  type Address { city: String }
  union Found = User | Address`;

/** What is refused, as its details tell. */
function refusalOf(limits: OperationLimits, text: string, variables = {}): unknown {
  try {
    limits.weigh(parse(text), undefined, variables);
    return undefined;
  } catch (error) {
    if (!(error instanceof AegisError)) throw error;
    return { code: error.code, ...error.details };
  }
}

describe('the limits of operations', () => {
  const tooCostly = (limit: string, expected: number, got: unknown) => ({
    ...{ code: 'OPERATION_TOO_COSTLY', limit, expected, got },
  });

  it.each<[string, Partial<typeof OPERATION_LIMITS>, string, unknown]>([
    [
      'depth',
      { maxDepth: 2 },
      '{ user { ...F } } fragment F on User { address { city } }',
      tooCostly('depth', 2, 3),
    ],
    ['aliases', { maxAliases: 1 }, '{ a: user { b: id } }', tooCostly('aliases', 1, 2)],
    [
      'root fields',
      { maxRootFields: 1 },
      '{ user { id } ... { users { id } } }',
      tooCostly('rootFields', 1, 2),
    ],
    [
      'directives',
      { maxDirectives: 1 },
      '{ user @skip(if: false) @include(if: true) { id } }',
      tooCostly('directives', 1, 2),
    ],
    [
      'selections',
      { maxSelections: 10 },
      '{ a: user { ...A } b: user { ...A } } fragment A on User { a: id b: id c: id d: id e: id }',
      tooCostly('selections', 10, 12),
    ],
    [
      'fragments that spread themselves',
      {},
      '{ user { ...A } } fragment A on User { friends { ...A } }',
      tooCostly('selections', 2_000, 'infinite'),
    ],
    [
      'recursion',
      { maxRecursion: 2 },
      '{ user { friends { address { city } friends { id } } } }',
      tooCostly('recursion', 2, 3),
    ],
    ['list size', { maxListSize: 5 }, '{ users(first: 6) { id } }', tooCostly('listSize', 5, 6)],
    [
      'introspection depth',
      { maxIntrospectionDepth: 3 },
      '{ __schema { types { fields { name } } } }',
      tooCostly('introspectionDepth', 3, 4),
    ],
  ])(
    'refuse too much of %s, and name the limit, what was expected and what came',
    (_what, settings, text, told) => {
      expect(refusalOf(limitsOf(SHOP, settings), text)).toEqual(told);
    },
  );

  it('read the sizes of lists from variables and their defaults', () => {
    const limits = limitsOf(SHOP, { maxListSize: 5 });
    const query = 'query ($n: Int = 9) { users(last: $n) { id } }';
    expect(refusalOf(limits, query, { n: 5 })).toBeUndefined();
    expect(refusalOf(limits, query, { n: 6 })).toEqual(tooCostly('listSize', 5, 6));
    expect(refusalOf(limits, query)).toEqual(tooCostly('listSize', 5, 9));
  });

  it('leave questions about the schema out of the depth', () => {
    const limits = limitsOf(SHOP, { maxDepth: 1 });
    expect(refusalOf(limits, '{ __schema { types { name } } __typename }')).toBeUndefined();
  });
});

/** Expected values: worked out by hand from the rules of the cost specification. */
describe('the cost of operations', () => {
  const costOf = (limits: OperationLimits, text: string, variables = {}) =>
    limits.weigh(parse(text), undefined, variables);

  it.each<[string, Record<string, unknown>, number]>([
    ['{ __typename }', {}, 0],
    ['{ user { id name } }', {}, 1],
    ['{ user { address { city } } }', {}, 2],
    // Ten users, each with ten friends.
    ['{ users { friends { id } } }', {}, 110],
    ['{ user { id @skip(if: true) address @include(if: false) { city } } }', {}, 1],
    ['query ($a: Boolean!) { user { address @include(if: $a) { city } } }', { a: true }, 2],
    ['query ($a: Boolean!) { user { address @include(if: $a) { city } } }', { a: false }, 1],
    // A mutation, an input object, a user.
    ['mutation { rename(input: { id: 1 }) { id } }', {}, 12],
    ['mutation ($i: Rename!) { rename(input: $i) { id } }', { i: { id: 1 } }, 12],
    // All that a union may be is added up.
    ['{ search { ... on User { address { city } } ... on Address { city } } }', {}, 20],
  ])('is by default that of its objects: %s', (text, variables, cost) => {
    expect(costOf(limitsOf(SHOP), text, variables)).toBe(cost);
  });

  const WEIGHTED = `
    type Query {
      user: User @cost(weight: 5)
      report(deep: Boolean @cost(weight: 7)): Report
      page(first: Int = 3, last: Int, filter: Filter): Page!
        @listSize(slicingArguments: ["first", "last"], sizedFields: ["items"], requireOneSlicingArgument: false)
      some: [User!]! @listSize(assumedSize: 4)
      nested(filter: Filter): [User!]! @listSize(assumedSize: 2)
      one(first: Int, last: Int): [User!]! @listSize(slicingArguments: ["first", "last"])
    }
    input Filter { limit: Int  text: String @cost(weight: 3) }
    type Report @cost(weight: 20) { mood: Mood }
    enum Mood @cost(weight: 2) { GOOD BAD }
    type Page { items: [User!]! total: Int }
    type User { id: ID! slow: String @cost(weight: 8) }`;

  it.each<[string, Record<string, unknown>, number]>([
    ['{ user { id } }', {}, 5],
    ['{ user { slow } }', {}, 13],
    ['{ report { mood } }', {}, 22],
    ['{ report(deep: true) { mood } }', {}, 29],
    ['{ some { slow } }', {}, 36],
    // The page and as many items as are asked for; by default the three of the schema.
    ['{ page { items { id } total } }', {}, 4],
    ['{ page(first: 6) { items { id } } }', {}, 7],
    ['query ($n: Int) { page(last: $n) { items { id } } }', { n: 50 }, 51],
    ['{ nested(filter: { limit: 5 }) { id } }', {}, 6],
    ['query ($f: Filter) { nested(filter: $f) { id } }', { f: { limit: 5, text: 'x' } }, 9],
    ['query ($f: Filter) { nested(filter: $f) { id } }', {}, 2],
  ])('is weighed by @cost and @listSize: %s', (text, variables, cost) => {
    expect(costOf(limitsOf(WEIGHTED), text, variables)).toBe(cost);
  });

  it.each([
    [
      'renamed',
      '{ name: "@cost", as: "@price" }, { name: "@listSize", as: "@length" }',
      ['@price', '@length'],
    ],
    ['prefixed', '"@tag"', ['@federation__cost', '@federation__listSize']],
  ])('knows the directives when they are %s', (_what, imports, [price = '', length = '']) => {
    const typeDefs = WEIGHTED.replaceAll('@cost', price).replaceAll('@listSize', length);
    expect(costOf(limitsOf(typeDefs, {}, imports), '{ user { slow } some { id } }')).toBe(17);
  });

  it('is refused above its limit, for the variables of each request', () => {
    const limits = limitsOf(WEIGHTED, { maxCost: 20 });
    const query = 'query ($n: Int) { page(first: $n) { items { id } } }';
    expect(refusalOf(limits, query, { n: 19 })).toBeUndefined();
    expect(refusalOf(limits, query, { n: 20 })).toEqual({
      ...{ code: 'OPERATION_TOO_COSTLY', limit: 'cost', expected: 20, got: 21 },
    });
  });

  it('demands one slicing argument where the schema does', () => {
    const limits = limitsOf(WEIGHTED, { maxCost: 1_000 });
    expect(refusalOf(limits, '{ one { id } }')).toMatchObject({ limit: 'slicingArguments', got: 0 });
    expect(refusalOf(limits, '{ one(first: 1, last: 1) { id } }')).toMatchObject({ got: 2 });
    expect(refusalOf(limits, '{ one(last: 1) { id } }')).toBeUndefined();
  });
});
