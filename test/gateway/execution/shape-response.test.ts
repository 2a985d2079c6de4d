import { describe, expect, it } from '@jest/globals';
import { buildSchema, getOperationAST, Kind, parse, validate, type FragmentDefinitionNode } from 'graphql';
import type { DataObject, ResponsePath } from '../../../gateway/execution/data.js';
import { createProblems, type Problems } from '../../../gateway/execution/problems.js';
import { createSelectionShape } from '../../../gateway/execution/response-shape.js';
import { shapeResponse } from '../../../gateway/execution/shape-response.js';
import { normaliseOperation } from '../../../gateway/planning/normalise-operation.js';

const schema = buildSchema(`
  directive @note(text: String) on FIELD
  type Query {
    thing: Thing  must: Thing!  things: [Thing]  mustThings: [Thing!]  all: [Thing!]!  grid: [[Int!]!]  rows: [[Thing]]
    media: Media  any: Any  color: Color  count: Int  id: ID
  }
  type Thing { id: ID  name: String!  size: Int  inner: Thing  mustInner: Thing!  media: Media }
  interface Media { id: ID  title: String }
  type Book implements Media { id: ID  title: String  pages: Int }
  type Film implements Media { id: ID  title: String  minutes: Int! }
  union Any = Book | Film | Thing
  enum Color { RED BLUE }
`);

interface Case {
  readonly variables?: Record<string, unknown>;
  readonly problems?: (problems: Problems, data: DataObject) => void;
}

function shape(query: string, data: DataObject, { variables = {}, problems = () => undefined }: Case = {}) {
  const document = parse(query);
  expect(validate(schema, document)).toEqual([]);
  const operation = getOperationAST(document);
  const rootType = schema.getQueryType();
  if (!operation || !rootType) throw new Error('a query');
  const fragments = new Map(
    document.definitions
      .filter((node): node is FragmentDefinitionNode => node.kind === Kind.FRAGMENT_DEFINITION)
      .map((node) => [node.name.value, node]),
  );
  const noted = createProblems();
  problems(noted, data);
  const { keyOf } = normaliseOperation({ definition: operation, fragments, schema });
  const selection = createSelectionShape([operation.selectionSet], { schema, fragments, variables, keyOf });
  const introspect = () => null;
  const findSubgraph = () => undefined;
  const shaped = shapeResponse({
    schema,
    rootType,
    selection,
    data,
    problems: noted,
    introspect,
    findSubgraph,
  });
  return {
    data: JSON.parse(JSON.stringify(shaped.data)) as unknown,
    errors: shaped.errors.map(({ path, message }) => [path?.join('.'), message]),
    paths: shaped.errors.map(({ path }) => path?.join('.')),
  };
}

const at = (...path: ResponsePath) => ({
  problems: (problems: Problems) => {
    problems.addAt(path, { message: 'broken', extensions: {} });
  },
});

describe('the selection of a response', () => {
  const book = { __typename: 'Book', id: 'b', title: 'T', pages: 7 };

  it('merges the fields that several fragments ask of one object, in the order of their first mention', () => {
    const query = `{ thing { size } ...A thing { inner { size id } } } fragment A on Query { thing { inner { id name } id } }`;
    const data = { thing: { id: 1, size: 2, inner: { id: 3, name: 'n', size: 4 } } };
    expect(JSON.stringify(shape(query, data).data)).toBe(
      '{"thing":{"size":2,"inner":{"id":"3","name":"n","size":4},"id":"1"}}',
    );
  });

  it('takes the fragments of the type that is there, on interfaces and unions', () => {
    const fragments = '... on Book { pages } ... on Film { minutes } ... on Media { title }';
    expect(
      shape(`{ media { id ${fragments} } any { ${fragments} ... on Thing { name } } }`, {
        media: book,
        any: book,
      }).data,
    ).toEqual({
      media: { id: 'b', pages: 7, title: 'T' },
      any: { pages: 7, title: 'T' },
    });
  });

  it('answers __typename wherever and under whatever name it is asked for', () => {
    const query =
      '{ __typename media { a: __typename ...F } any { __typename ... on Book { b: __typename } } } fragment F on Media { __typename }';
    expect(shape(query, { media: book, any: book }).data).toEqual({
      __typename: 'Query',
      media: { a: 'Book', __typename: 'Book' },
      any: { __typename: 'Book', b: 'Book' },
    });
  });

  it.each([
    [{ s: true, i: true }, { thing: { inner: null } }],
    [{ s: false, i: false }, { thing: { size: 1 } }],
    [{ s: false, i: true }, { thing: { size: 1, inner: null } }],
    [{ s: true, i: false }, { thing: {} }],
  ])('decides @skip and @include on fields, fragments and spreads with %j', (variables, data) => {
    const query = `query ($s: Boolean!, $i: Boolean!) {
      thing { size @skip(if: $s) ... @include(if: $i) { inner { id } } ...F @include(if: $i) @skip(if: true) }
    } fragment F on Thing { id }`;
    expect(shape(query, { thing: { size: 1, id: 2, inner: null } }, { variables }).data).toEqual(data);
  });

  it('leaves out what the client did not ask for', () => {
    expect(
      shape('{ thing { id } }', { thing: { id: 1, size: 2, __typename: 'Thing' }, count: 3 }).data,
    ).toEqual({
      thing: { id: '1' },
    });
  });

  it.each(['__proto__', 'constructor', 'toString'])('takes %s for a name like any other', (name) => {
    const shaped = shape(`{ ${name}: thing { size ${name}: size } }`, { thing: { size: 1 } }).data;
    expect(JSON.stringify(shaped)).toBe(`{"${name}":{"size":1,"${name}":1}}`);
  });
});

describe('null where there may be none', () => {
  const MISSING = 'Cannot return null for non-nullable field Thing.name.';

  it('takes its object with it, up to the next place that may be null', () => {
    expect(shape('{ thing { id name } count }', { thing: { id: 1 }, count: 2 })).toMatchObject({
      data: { thing: null, count: 2 },
      errors: [['thing.name', MISSING]],
    });
  });

  it.each([
    ['[Thing]', 'things', { things: [{ name: 'a' }, null] }],
    ['[Thing!]', 'mustThings', { mustThings: null }],
    ['[Thing!]!', 'all', null],
  ])('goes through %s as far as it must', (_type, field, data) => {
    expect(shape(`{ ${field} { name } }`, { [field]: [{ name: 'a' }, { name: null }] })).toMatchObject({
      data,
      errors: [[`${field}.1.name`, MISSING]],
    });
  });

  it('goes through lists of lists', () => {
    expect(shape('{ grid }', { grid: [[1], [2, null]] })).toEqual({
      data: { grid: null },
      errors: [['grid.1.1', 'Cannot return null for non-nullable field Query.grid.']],
      paths: ['grid.1.1'],
    });
    expect(shape('{ rows { name } }', { rows: [[{ name: 'a' }, {}], null] }).data).toEqual({
      rows: [[{ name: 'a' }, null], null],
    });
  });

  it('goes up to the root', () => {
    expect(shape('{ must { mustInner { mustInner { id } } } }', { must: { mustInner: {} } })).toMatchObject({
      data: null,
      paths: ['must.mustInner.mustInner'],
    });
  });

  it('is reported where it began and nowhere above', () => {
    expect(shape('{ things { mustInner { name } } }', { things: [{ mustInner: {} }, {}] }).paths).toEqual([
      'things.0.mustInner.name',
      'things.1.mustInner',
    ]);
  });

  it('is not reported again where its subgraph has said why', () => {
    const data = { thing: { mustInner: null } };
    expect(shape('{ thing { mustInner { id } } }', data, at('thing', 'mustInner', 'id')).errors).toEqual([
      ['thing.mustInner.id', 'broken'],
    ]);
  });

  it('is reported beside an error of another place', () => {
    const data = { things: [{ name: 'a', size: null }, { name: null }] };
    expect(shape('{ things { name size } }', data, at('things', 0, 'size')).paths).toEqual([
      'things.0.size',
      'things.1.name',
    ]);
  });
});

describe('values', () => {
  it.each([
    ['{ count }', { count: 'five' }, 'expected a value of type Int'],
    ['{ count }', { count: { a: 1 } }, 'expected a value of type Int'],
    ['{ color }', { color: 'GREEN' }, 'expected a value of type Color'],
    ['{ thing { id } }', { thing: [1] }, 'expected an object of type Thing from its subgraph, got a list'],
    [
      '{ things { id } }',
      { things: { id: 1 } },
      'expected a list from its subgraph, got a value of JavaScript type object',
    ],
    ['{ any { __typename } }', { any: { id: 1 } }, 'expected an object of a type that Any can have'],
    [
      '{ media { id } }',
      { media: { __typename: 'Thing' } },
      'expected an object of a type that Media can have',
    ],
    [
      '{ media { id } }',
      { media: { __typename: 'Secret' } },
      'expected an object of a type that Media can have',
    ],
  ])('of another kind are null with an error: %s of %j', (query, data, message) => {
    const shaped = shape(query, data);
    expect(shaped.data).toEqual({ [Object.keys(data)[0] ?? '']: null });
    expect(shaped.errors).toEqual([[Object.keys(data)[0], expect.stringContaining(message)]]);
    expect(JSON.stringify(shaped.errors)).not.toContain('five');
  });

  it('of an interface need not say which type they are, as long as nobody asks', () => {
    expect(shape('{ media { id ... on Media { title } } }', { media: { id: 1, title: 'T' } })).toMatchObject({
      data: { media: { id: '1', title: 'T' } },
      errors: [],
    });
    expect(shape('{ media { id __typename } }', { media: { id: 1, __typename: 'Media' } })).toMatchObject({
      data: { media: null },
      paths: ['media.__typename'],
    });
  });

  it('of an item are null in their list', () => {
    expect(shape('{ things { id } }', { things: [{ id: 1 }, 5, null] })).toMatchObject({
      data: { things: [{ id: '1' }, null, null] },
      paths: ['things.1'],
    });
  });
});

describe('the errors of a response', () => {
  const failed = (fields: string[], of: (data: DataObject) => unknown) => ({
    problems: (problems: Problems, data: DataObject) => {
      problems.addFor(of(data) as DataObject, {
        failure: { message: 'down', extensions: {} },
        fields: new Set(fields),
      });
    },
  });

  it('stand at each field that a failed fetch should have brought, under the client’s names', () => {
    const down = failed(['size', 'inner'], ({ thing }) => thing);
    expect(shape('{ thing { id a: size b: inner { id } } }', { thing: { id: 1 } }, down).errors).toEqual([
      ['thing.a', 'down'],
      ['thing.b', 'down'],
    ]);
  });

  it('say why a field that may not be null is missing', () => {
    const down = failed(['name'], ({ thing }) => thing);
    expect(shape('{ thing { name } }', { thing: {} }, down)).toEqual({
      data: { thing: null },
      errors: [['thing.name', 'down']],
      paths: ['thing.name'],
    });
  });

  it('are told without a place when nothing is missing, and once', () => {
    const failure = { message: 'warned', extensions: {}, reported: true as const };
    const problems = (noted: Problems, { things }: DataObject) => {
      for (const thing of things as DataObject[]) noted.addFor(thing, { failure, fields: new Set(['size']) });
    };
    expect(shape('{ things { size } }', { things: [{ size: 1 }, { size: 2 }] }, { problems }).errors).toEqual(
      [[undefined, 'warned']],
    );
  });

  it.each([
    ['a field that the client did not ask for', ['thing', 'size'], 'thing'],
    ['something inside it', ['thing', 'inner', 'size'], 'thing.inner'],
    ['a field of the root', ['count'], undefined],
    ['a field below a null of a type that is known', ['thing', 'inner', 'inner', 'name'], 'thing.inner'],
    ['a field below a null of a type that is not', ['media', 'pages'], 'media'],
    ['a selected field below a null of a type that is not', ['media', 'id'], 'media.id'],
    ['an item of a list', ['things', 1, 'size'], 'things.1'],
  ])('stand at the object that needed %s', (_what, path, shown) => {
    const data = { thing: { id: 1, inner: null }, things: [{ id: 1 }, { id: 2 }], media: null };
    const query = '{ thing { id inner { id } } things { id } media { ... on Book { id } } }';
    expect(shape(query, data, at(...path)).paths).toEqual([shown]);
  });
});
