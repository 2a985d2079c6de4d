import { afterEach, describe, expect, it } from '@jest/globals';
import { createCaching } from '../../../gateway/caching/caching.js';
import { createMemoryStore } from '../../../gateway/caching/memory-store.js';
import { createMetrics } from '../../../kernel/telemetry/metrics.js';
import { openTestGateway, type TestGateway } from '../../support/test-gateway.js';

const DIRECTIVES = `
  enum CacheControlScope { PUBLIC PRIVATE }
  directive @cacheControl(maxAge: Int, scope: CacheControlScope, inheritMaxAge: Boolean) on FIELD_DEFINITION | OBJECT
  directive @cacheTag(format: String!) repeatable on OBJECT | FIELD_DEFINITION
`;
let parts: TestGateway | undefined;
afterEach(() => parts?.close());

describe('a subgraph in this process', () => {
  it('says by its directives how long its answers are kept, and by what they are invalidated', async () => {
    const asked: string[] = [];
    const caching = createCaching({
      store: createMemoryStore({ maxBytes: 100_000, now: Date.now }),
      maxAgeMsOf: () => 60_000,
      responseMaxAgeMs: undefined,
      refreshTimeoutMs: 1_000,
      metrics: createMetrics(),
    });
    parts = openTestGateway(
      {
        shop: {
          typeDefs: `type Query { products(ids: [ID!]!): [Product] } type Product @key(fields: "id") { id: ID! }`,
          resolvers: {
            Query: { products: (_parent: unknown, { ids }: { ids: string[] }) => ids.map((id) => ({ id })) },
          },
        },
        stock: {
          typeDefs: `${DIRECTIVES}
            type Product @key(fields: "id") @cacheControl(maxAge: 60) @cacheTag(format: "product-{$key.id}") {
              id: ID!
              units: Int
            }`,
          resolvers: {
            Product: {
              units: ({ id }: { id: string }) => {
                asked.push(id);
                return 7;
              },
            },
          },
        },
      },
      (transport, name) => caching.wrap(transport, { name, url: '' }),
    );
    const ask = (ids: string[]) =>
      parts?.run('query ($ids: [ID!]!) { products(ids: $ids) { units } }', { ids });
    await ask(['1', '2']);
    expect(await ask(['2', '3', '1'])).toEqual({
      data: { products: [{ units: 7 }, { units: 7 }, { units: 7 }] },
    });
    expect(asked).toEqual(['1', '2', '3']);
    expect(await caching.invalidation.invalidate({ kind: 'tag', tag: 'product-2' })).toEqual({ removed: 1 });
    await ask(['1', '2', '3']);
    expect(asked).toEqual(['1', '2', '3', '2']);
  });
});
