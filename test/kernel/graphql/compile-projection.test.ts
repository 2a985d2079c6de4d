import { describe, expect, it } from '@jest/globals';
import { buildSchema, executeSync, parse, type GraphQLObjectType } from 'graphql';
import { compileProjection } from '../../../kernel/graphql/compile-projection.js';

const schema = buildSchema(`
  type Query { event(id: ID): Event }
  interface Named { name: String! }
  enum Colour { RED GREEN }
  type Event implements Named {
    name: String! count: Int! tags: [String!] parts: [Part] part: Part other: Named colour: Colour at: String
    derived: String asked(of: Int): Int loaded: String
  }
  type Part { id: ID! note: String parts: [Part!] }
`);
const event = schema.getType('Event') as GraphQLObjectType<Record<string, unknown>, unknown>;
Object.assign(event.getFields()['derived'] ?? {}, { resolve: ({ name }: { name: string }) => `${name}!` });
Object.assign(event.getFields()['loaded'] ?? {}, {
  resolve: (_event: unknown, _args: unknown, context: { loaded: string }) => context.loaded,
});

const whole = {
  ...{ name: 'one', count: 3, tags: ['a', 'b'], colour: 'RED', at: null, asked: 4 },
  part: { id: 7, note: undefined, parts: [{ id: 'x', parts: [] }] },
  parts: [null, { id: 'y' }],
};

function both(selection: string, value: unknown = whole) {
  const document = parse(selection.includes('event') ? selection : `{ event { ${selection} } }`);
  const rootValue = { event: value };
  const { data, errors } = executeSync({ schema, document, rootValue, contextValue: { loaded: 'l' } });
  return { project: compileProjection(schema, document), rootValue, data, errors };
}

describe('A projection', () => {
  it.each([
    'name count tags colour at',
    'n: name name __typename',
    'part { id note parts { id parts { id } } } parts { id }',
    'derived',
    'part { id } part { note }',
    '... { name } ... on Event { count }',
    'asked',
    'query ($id: ID) { event(id: $id) { name } }',
    'query { event { ...F } } fragment F on Event { name part { ...P } } fragment P on Part { id __typename }',
  ])('gives what graphql-js gives: %s', (selection) => {
    const { project, rootValue, data, errors } = both(selection);
    expect(errors).toBeUndefined();
    const projected = project?.(rootValue);
    expect(projected).toEqual(data);
    expect(JSON.stringify(projected)).toBe(JSON.stringify(data));
  });

  it('gives null where there is no object', () => {
    const { project, data } = both('name', null);
    expect(project?.({ event: null })).toEqual(data);
  });

  it.each([
    'loaded',
    'other { name }',
    'name @include(if: true)',
    'asked(of: 3)',
    '... on Named { name }',
    '__proto__: name',
  ])('is not made of what is not plain: %s', (selection) => {
    expect(both(selection).project).toBeUndefined();
  });

  it('goes through a fragment once, however often it is spread', () => {
    const spreads = Array.from(
      { length: 60 },
      (_, index) => `fragment F${index} on Event { ...F${index + 1} ...F${index + 1} }`,
    );
    const { project, rootValue } = both(
      `{ event { ...F0 } } ${spreads.join(' ')} fragment F60 on Event { name }`,
    );
    expect(project?.(rootValue)).toEqual({ event: { name: 'one' } });
  });

  it('leaves no promise behind that fails unheard', async () => {
    const field = event.getFields()['derived'];
    const resolve = field?.resolve;
    Object.assign(field ?? {}, { resolve: (_event: unknown) => Promise.reject(new Error('later')) });
    const { project, rootValue } = both('name');
    expect(project?.(rootValue)).toBeDefined();
    const failing = compileProjection(schema, parse('{ event { derived } }'));
    expect(failing?.(rootValue)).toBeUndefined();
    // An unheard rejection would end the test run.
    await new Promise(setImmediate);
    Object.assign(field ?? {}, { resolve });
  });

  it.each<[string, string, unknown]>([
    ['a null that may not be', 'name', { name: null }],
    ['a scalar that refuses', 'count', { count: 'three' }],
    ['an enum value that is none', 'colour', { colour: 'BLUE' }],
    ['an error', 'at', { at: new Error('no') }],
    ['a promise', 'at', { at: Promise.resolve('x') }],
    ['a function', 'at', { at: () => 'x' }],
    ['what has a `then`', 'at', { at: { then: () => undefined } }],
    ['an object with a `then`', 'part { id }', { part: { id: 1, then: () => undefined } }],
    ['what has a `then` in a list', 'parts { id }', { parts: [{ id: 1, then: () => undefined }] }],
    ['what is no list', 'tags', { tags: 'a' }],
    ['a null in a list that may not have one', 'tags', { tags: ['a', null] }],
    ['a promise of an object', 'part { id }', { part: Promise.resolve({ id: 1 }) }],
    ['a text for an object', 'part { id }', { part: 'x' }],
    ['a resolver that throws', 'derived', null],
  ])('leaves %s to graphql-js', (_what, selection, value) => {
    const { project, rootValue } = both(selection, whole);
    expect(project?.(rootValue)).toBeDefined();
    const throwing = Object.defineProperty({}, 'name', {
      get: () => {
        throw new Error('no name');
      },
    });
    expect(project?.({ event: value ?? throwing })).toBeUndefined();
  });
});
