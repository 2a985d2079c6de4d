import { describe, expect, it } from '@jest/globals';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { parse } from 'graphql';
import { createTagsOf } from '../../../gateway/transports/schema-tags.js';
import { subgraphOperation } from '../../support/subgraph-operation.js';
import { anyContext } from '../../support/test-gateway.js';

const schema = buildSubgraphSchema([
  {
    typeDefs: parse(`
      extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
      directive @cacheTag(format: String!) repeatable on OBJECT | FIELD_DEFINITION
      type Query {
        products(category: String = "all", first: Int): [Product] @cacheTag(format: "products") @cacheTag(format: "in-{$args.category}")
        other: Int
      }
      type Product @key(fields: "id") @key(fields: "maker { name }")
        @cacheTag(format: "product-{$key.id}") @cacheTag(format: "of-{$key.maker.name}") @cacheTag(format: "every") {
        id: ID
        maker: Maker
      }
      type Maker { name: String }`),
    resolvers: {},
  },
]);

function ask(text: string, more: { variables?: Record<string, unknown>; representations?: string[] } = {}) {
  const { signal } = new AbortController();
  return createTagsOf(schema)({
    operation: subgraphOperation(text),
    variables: {},
    context: anyContext(),
    signal,
    ...more,
  });
}

describe('the tags of a subgraph in this process', () => {
  it('are made of the keys of entities, as far as they have them', () => {
    const representations = [
      '{"__typename":"Product","id":"1"}',
      '{"__typename":"Product","maker":{"name":"acme"},"id":2}',
      '{"__typename":"Nobody","id":"3"}',
    ];
    expect(ask('{ __typename }', { representations })).toEqual({
      entityTags: [['product-1', 'every'], ['product-2', 'of-acme', 'every'], []],
    });
  });

  it('are made of the arguments of root fields', () => {
    expect(ask('{ products { id } other }')).toEqual({ tags: ['products', 'in-all'] });
    const text = 'query ($c: String) { ... { a: products(category: $c) { id } } }';
    expect(ask(text, { variables: { c: 'red' } })).toEqual({ tags: ['products', 'in-red'] });
    expect(ask(text, { variables: { c: null } })).toEqual({ tags: ['products'] });
  });
});
