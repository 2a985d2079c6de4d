import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { closeGatewaysAfterEach, dataOf } from '../../support/opened-gateways.js';
import { composeTestSupergraph, type TestSubgraph } from '../../support/test-gateway.js';

const open = closeGatewaysAfterEach();

describe('@fromContext', () => {
  const shop: TestSubgraph = {
    typeDefs: `
      type Query { ps: [P] }
      type P @key(fields: "id") { id: ID! lang: String t: T rows: [[T]] }
      type T @key(fields: "id") { id: ID! in: T }`,
    resolvers: {
      Query: {
        ps: () => [
          { id: 1, lang: 'en' },
          { id: 2, lang: 'de' },
          { id: 3, lang: null },
          { id: 4, lang: 'en' },
        ],
      },
      P: { t: () => ({ id: 't' }), rows: ({ id }: { id: number }) => [[{ id: 'r' }, null], [{ id }]] },
    },
  };
  const words: TestSubgraph = {
    typeDefs: `
      type P @key(fields: "id") @context(name: "reader") { id: ID! lang: String @external own: T }
      type T @key(fields: "id") {
        id: ID!
        word(lang: String @fromContext(field: "$reader { lang }"), n: Int): String
        deep: T
      }`,
    resolvers: {
      P: { own: ({ id }: { id: string }) => ({ id: `own ${id}` }) },
      T: {
        word: ({ id }: { id: string }, { lang, n }: { lang: string | null; n?: number }) =>
          `${id} ${String(lang)} ${String(n)}`,
        deep: () => ({ id: 'deep' }),
      },
    },
  };

  it('gives each entity the value of the object that it stands in, though it is one entity', async () => {
    const gateway = open({ shop, words });
    const query = 'query ($n: Int) { ps { t { w: word(n: $n) deep { word } } } }';
    expect(await dataOf(gateway, query, { n: 1 })).toEqual({
      ps: ['en', 'de', null, 'en'].map((lang) => ({
        t: { w: `t ${String(lang)} 1`, deep: { word: `deep ${String(lang)} undefined` } },
      })),
    });
    // One request for each value of the context.
    expect(gateway.fetches.filter(({ subgraph }) => subgraph === 'words')).toHaveLength(3);
  });

  it('reaches through lists of lists, and to fields of the object itself', async () => {
    const { ps } = await dataOf(
      open({ shop, words }),
      '{ ps { lang: id rows { word(n: 3) } own { word } } }',
    );
    expect((ps as unknown[]).slice(0, 2)).toEqual([
      {
        lang: '1',
        rows: [[{ word: 'r en 3' }, null], [{ word: '1 en 3' }]],
        own: { word: 'own 1 en undefined' },
      },
      {
        lang: '2',
        rows: [[{ word: 'r de 3' }, null], [{ word: '2 de 3' }]],
        own: { word: 'own 2 de undefined' },
      },
    ]);
  });
});

describe('@override with a label', () => {
  const old: TestSubgraph = {
    typeDefs: 'type Query { p: P } type P @key(fields: "id") { id: ID! all: Int none: Int named: Int }',
    resolvers: { Query: { p: () => ({ id: 1, all: 1, none: 1, named: 1 }) } },
  };
  const fresh: TestSubgraph = {
    typeDefs: `
      type P @key(fields: "id") {
        id: ID!
        all: Int @override(from: "old", label: "percent(100)")
        none: Int @override(from: "old", label: "percent(0)")
        named: Int @override(from: "old", label: "someday")
      }`,
    resolvers: { P: { all: () => 2, none: () => 2, named: () => 2 } },
  };

  it('moves a field for its share of the requests, and under a name that nobody has set for none', async () => {
    const gateway = open({ old, fresh });
    for (let times = 0; times < 5; times += 1)
      expect(await dataOf(gateway, '{ p { all none named } }')).toEqual({ p: { all: 2, none: 1, named: 1 } });
  });
});

describe('@override with a name that the operator has set', () => {
  const old: TestSubgraph = {
    typeDefs: 'type Query { p: P } type P @key(fields: "id") { id: ID! one: Int other: Int }',
    resolvers: { Query: { p: () => ({ id: 1, one: 1, other: 1 }) } },
  };
  const fresh: TestSubgraph = {
    typeDefs: `
      type P @key(fields: "id") {
        id: ID!
        one: Int @override(from: "old", label: "one")
        other: Int @override(from: "old", label: "other")
      }`,
    resolvers: { P: { one: () => 2, other: () => 2 } },
  };

  function openWith(activeOverrides: readonly string[]) {
    const lines: Record<string, unknown>[] = [];
    const logger = pino({}, { write: (line: string) => void lines.push(JSON.parse(line) as never) });
    const gateway = open({ old, fresh }, undefined, { activeOverrides, logger });
    return { ...gateway, lines };
  }

  it('moves the fields under it, in what is explained as well', async () => {
    const { run, gateway, lines } = openWith(['one']);
    expect(await run('{ p { one other } }')).toEqual({ data: { p: { one: 2, other: 1 } } });
    const document = gateway.current.readDocument('{ p { one other } }');
    if (!('kind' in document)) throw new Error('the document is valid');
    const { text, cached } = await gateway.current.explain(gateway.current.prepare(document, undefined), {});
    expect(text).toMatch(/"old"[^]*other[^]*"fresh"[^]*one/);
    expect([cached, lines]).toEqual([true, []]);
  });

  it('is told in the log when no field has it, of each supergraph', async () => {
    const { gateway, lines } = openWith(['on', 'other']);
    const unknown = { level: 40, unknown: ['on'], known: ['one', 'other'] };
    expect(lines).toEqual([expect.objectContaining(unknown)]);
    await gateway.swap(composeTestSupergraph({ old }));
    expect(lines.filter(({ level }) => level === 40)).toEqual([
      expect.objectContaining(unknown),
      expect.objectContaining({ level: 40, unknown: ['on', 'other'], known: [] }),
    ]);
  });
});

describe('@tag and @composeDirective', () => {
  it('change nothing of what is answered', async () => {
    const tagged: TestSubgraph = {
      typeDefs: `
        extend schema
          @link(url: "https://example.org/note/v1.0", import: ["@note"])
          @composeDirective(name: "@note")
        directive @note(text: String) on FIELD_DEFINITION | OBJECT
        type Query { p: P @tag(name: "public") }
        type P @key(fields: "id") @note(text: "a thing") { id: ID! @tag(name: "key") name: String @note(text: "its name") }`,
      resolvers: { Query: { p: () => ({ id: 1, name: 'n' }) } },
    };
    const more: TestSubgraph = {
      typeDefs: 'type P @key(fields: "id") { id: ID! size: Int @tag(name: "internal") }',
      resolvers: { P: { size: () => 3 } },
    };
    expect(await dataOf(open({ tagged, more }), '{ p { id name size } }')).toEqual({
      p: { id: '1', name: 'n', size: 3 },
    });
  });
});

describe('values, members and fields that only some subgraphs know', () => {
  it('are answered by those, and accepted as input where all know them', async () => {
    const a: TestSubgraph = {
      typeDefs: `
        type Query { a: Shade both(shade: Mixed): Mixed }
        enum Shade { LIGHT }
        enum Mixed { ONE TWO }
        interface Named { name: String }
        type X implements Named @key(fields: "id") { id: ID! name: String }`,
      resolvers: {
        Query: { a: () => 'LIGHT', both: (_parent: unknown, { shade }: { shade: string }) => shade },
        X: { name: () => 'x' },
      },
    };
    const b: TestSubgraph = {
      typeDefs: `
        type Query { b: [Shade] named: [Named] }
        enum Shade { LIGHT DARK }
        enum Mixed { ONE TWO }
        interface Named { name: String }
        type X implements Named @key(fields: "id") { id: ID! name: String @external }
        type Y implements Named { name: String mixed: Mixed }`,
      resolvers: {
        Query: {
          b: () => ['DARK', 'LIGHT', null],
          named: () => [
            { __typename: 'Y', name: 'y', mixed: 'TWO' },
            { __typename: 'X', id: 1 },
          ],
        },
      },
    };
    expect(
      await dataOf(open({ a, b }), '{ a b both(shade: TWO) named { __typename name ... on Y { mixed } } }'),
    ).toEqual({
      a: 'LIGHT',
      b: ['DARK', 'LIGHT', null],
      both: 'TWO',
      named: [
        { __typename: 'Y', name: 'y', mixed: 'TWO' },
        { __typename: 'X', name: 'x' },
      ],
    });
  });
});

describe('a supergraph of the first federation', () => {
  const SUPERGRAPH = `
    schema @core(feature: "https://specs.apollo.dev/core/v0.1") @core(feature: "https://specs.apollo.dev/join/v0.1") { query: Query mutation: Mutation }
    directive @core(feature: String!) repeatable on SCHEMA
    directive @join__field(graph: join__Graph, requires: join__FieldSet, provides: join__FieldSet) on FIELD_DEFINITION
    directive @join__type(graph: join__Graph!, key: join__FieldSet) repeatable on OBJECT | INTERFACE
    directive @join__owner(graph: join__Graph!) on OBJECT | INTERFACE
    directive @join__graph(name: String!, url: String!) on ENUM_VALUE
    scalar join__FieldSet
    enum join__Graph {
      SHOP @join__graph(name: "shop" url: "")
      STOCK @join__graph(name: "stock" url: "")
    }
    type Query { products: [Product] @join__field(graph: SHOP) newest: Product @join__field(graph: STOCK, provides: "name") }
    type Mutation { rename(id: ID!, to: String!): Product @join__field(graph: SHOP) }
    type Product @join__owner(graph: SHOP) @join__type(graph: SHOP, key: "id") @join__type(graph: STOCK, key: "id") {
      id: ID! @join__field(graph: SHOP)
      name: String @join__field(graph: SHOP)
      weight: Int @join__field(graph: SHOP)
      size: Size
      units: Int @join__field(graph: STOCK)
      cost: Int @join__field(graph: STOCK, requires: "weight")
    }
    type Size { w: Int h: Int }`;
  const shop: TestSubgraph = {
    typeDefs: `
      type Query { products: [Product] }
      type Mutation { rename(id: ID!, to: String!): Product }
      type Product @key(fields: "id") { id: ID! name: String weight: Int size: Size }
      type Size { w: Int h: Int }`,
    resolvers: {
      Query: { products: () => [{ id: 1, name: 'chair', weight: 2, size: { w: 1, h: 2 } }] },
      Mutation: { rename: (_parent: unknown, { id, to }: { id: string; to: string }) => ({ id, name: to }) },
    },
  };
  const stock: TestSubgraph = {
    typeDefs: `
      type Query { newest: Product @provides(fields: "name") }
      type Product @key(fields: "id") {
        id: ID! name: String @external weight: Int @external
        units: Int cost: Int @requires(fields: "weight")
      }`,
    resolvers: {
      Query: { newest: () => ({ id: 2, name: 'table' }) },
      Product: { units: () => 0, cost: ({ weight }: { weight: number }) => weight * 10 },
    },
  };

  it('is served like any other', async () => {
    const gateway = open({ shop, stock }, undefined, { supergraphSdl: SUPERGRAPH });
    expect(
      await dataOf(gateway, '{ products { id: name n: id size { w } units cost } newest { name } }'),
    ).toEqual({
      products: [{ id: 'chair', n: '1', size: { w: 1 }, units: 0, cost: 20 }],
      newest: { name: 'table' },
    });
    expect(await dataOf(gateway, 'mutation { rename(id: 7, to: "x") { name units } }')).toEqual({
      rename: { name: 'x', units: 0 },
    });
  });
});
