import { describe, expect, it } from '@jest/globals';
import { createOperationUsage } from '../../../gateway/execution/operation-usage.js';
import { waitFor } from '../../support/wait-for.js';
import { openTestGateway, type TestSubgraph } from '../../support/test-gateway.js';

const shop: TestSubgraph = {
  typeDefs: `
    type Query { product(id: ID!): Product find(filter: Filter): [Product] }
    input Filter { name: String units: Int }
    type Product @key(fields: "id") { id: ID! name: String }`,
  resolvers: {
    Query: { product: (_parent: unknown, { id }: { id: string }) => ({ id, name: 'chair' }), find: () => [] },
  },
};
const stock: TestSubgraph = {
  typeDefs: 'type Product @key(fields: "id") { id: ID! units: Int }',
  resolvers: { Product: { units: () => 3 } },
};
const later: TestSubgraph = { typeDefs: 'type Query { more: Int }', resolvers: { Query: { more: () => 1 } } };

describe('the usage of a schema', () => {
  it('counts in how many executions each place was named, also across supergraphs', async () => {
    const { gateway, run } = openTestGateway({ shop, stock });
    for (let time = 0; time < 3; time += 1) await run('{ product(id: 1) { n: name ... { units } } }');
    await run('query ($f: Filter) { find(filter: $f) { __typename } }');
    await run('{ find(filter: { name: "a" }) { id } }');
    const expected = {
      'Query.product': 3,
      'Query.product(id:)': 3,
      'Product.name': 3,
      'Product.units': 3,
      Product: 5,
      'Query.find': 2,
      'Query.find(filter:)': 2,
      Filter: 1,
      'Filter.name': 1,
      'Product.id': 1,
    };
    expect(Object.fromEntries(await gateway.usage.totals())).toMatchObject(expected);
    await gateway.swap(`${gateway.current.snapshot.sdl}\n# another`);
    await run('{ product(id: 2) { name } }');
    expect(Object.fromEntries(await gateway.usage.totals())).toMatchObject({
      ...expected,
      'Product.name': 4,
      'Query.product': 4,
      'Query.product(id:)': 4,
      Product: 6,
    });
    await gateway.close();
  });
});

describe('before another supergraph is taken', () => {
  it('the operations that are executed most are planned for it, for each of their conditions', async () => {
    const { gateway, run } = openTestGateway({ shop, stock, later });
    const hot = 'query ($u: Boolean!) { product(id: 1) { name units @include(if: $u) } }';
    for (const u of [true, true, false]) await run(hot, { u });
    await run('{ more }');
    const next = await gateway.swap(`${gateway.current.snapshot.sdl}\n# another`);
    const document = next.readDocument(hot);
    if (!('kind' in document)) throw new Error('expected a valid document');
    const prepared = next.prepare(document, undefined);
    for (const u of [true, false]) expect(prepared.variantFor({ u })).not.toBeInstanceOf(Promise);
    await gateway.close();
  });

  it('deferred parts are planned as such', async () => {
    const { gateway, run } = openTestGateway({ shop, stock });
    const hot = '{ product(id: 1) { name ... @defer { units } } }';
    await run(hot);
    const read = () => {
      const document = gateway.current.readDocument(hot);
      if (!('kind' in document)) throw new Error('expected a valid document');
      return gateway.current.prepare(document, undefined);
    };
    await read().variantFor({}, undefined, true);
    await gateway.swap(`${gateway.current.snapshot.sdl}\n# another`);
    for (const incremental of [false, true]) {
      expect(read().variantFor({}, undefined, incremental)).not.toBeInstanceOf(Promise);
    }
    await gateway.close();
  });

  it('those that it does not know are left out', async () => {
    const { gateway, run } = openTestGateway({ shop, later });
    const { snapshot } = openTestGateway({ shop }).gateway.current;
    await run('{ more }');
    const hot = '{ product(id: 1) { name } }';
    await run(hot);
    await gateway.swap(snapshot.sdl);
    await waitFor('it has taken the other one', () => gateway.current.snapshot.id === snapshot.id);
    expect(await run(hot)).toEqual({ data: { product: { name: 'chair' } } });
    await expect(run('{ more }')).rejects.toThrow('Cannot query field "more"');
    await gateway.close();
  });
});

describe('the table of operations', () => {
  it('is bounded, and what falls out of it stays counted', async () => {
    const { gateway } = openTestGateway({ shop, stock });
    const { snapshot, prepare, readDocument } = gateway.current;
    const usage = createOperationUsage();
    const document = readDocument('{ product(id: 1) { name } }');
    if (!('kind' in document)) throw new Error('expected a valid document');
    // Each a prepared operation of its own, as those are that are too long to be kept.
    const prepared = prepare(document, undefined);
    for (let time = 0; time < 10_500; time += 1) usage.count({ ...prepared }, snapshot.apiSchema);
    usage.count(prepared, snapshot.apiSchema);
    expect(usage.hottest(20_000)).toHaveLength(10_000);
    expect((await usage.totals()).get('Product.name')).toBe(10_501);
    usage.forget(gateway.current.snapshot.apiSchema);
    expect(usage.hottest(20_000)).toContain(prepared);
    usage.forget(openTestGateway({ shop }).gateway.current.snapshot.apiSchema);
    expect(usage.hottest(20_000)).toEqual([]);
    usage.count(prepared, snapshot.apiSchema);
    expect((await usage.totals()).get('Product.name')).toBe(10_502);
    await gateway.close();
  });
});
