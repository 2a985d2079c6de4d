import { afterEach, describe, expect, it } from '@jest/globals';
import type { ExecutionResult } from 'graphql';
import {
  isIncremental,
  type CompletedPart,
  type IncrementalResult,
} from '../../../gateway/execution/incremental-result.js';
import { openTestGateway, type TestGateway, type TestSubgraph } from '../../support/test-gateway.js';

/** What holds an answer back until somebody lets it go. */
function openGate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

let gate = openGate();
let gateway: TestGateway | undefined;

afterEach(async () => {
  gate.open();
  const closing = gateway?.close();
  gateway = undefined;
  await closing;
});

const PRODUCTS: Record<string, TestSubgraph> = {
  products: {
    typeDefs: `
      type Query { products: [Product!] product(id: ID!): Product me: Person }
      type Mutation { rename(id: ID!, name: String!): Product }
      type Product @key(fields: "id") { id: ID! name: String maker: Maker }
      type Maker { title: String }
      type Person @key(fields: "id") { id: ID! friend: Person }
    `,
    resolvers: {
      Query: {
        products: () => ['1', '2'].map((id) => ({ id, name: `name ${id}`, maker: { title: 'm' } })),
        product: (_: unknown, { id }: { id: string }) => ({ id, name: `name ${id}` }),
        me: () => ({ id: 'a', friend: { id: 'b', friend: null } }),
      },
      Mutation: { rename: (_: unknown, { id, name }: { id: string; name: string }) => ({ id, name }) },
      Product: { __resolveReference: ({ id }: { id: string }) => ({ id, name: `name ${id}` }) },
      Person: {
        __resolveReference: ({ id }: { id: string }) => ({
          id,
          friend: id === 'a' ? { id: 'b', friend: null } : null,
        }),
      },
    },
  },
  stock: {
    typeDefs: `
      type Product @key(fields: "id") { id: ID! stock: Int shelf: Shelf! price(in: String): Int }
      type Shelf @key(fields: "row") { row: Int! }
      type Person @key(fields: "id") { id: ID! name: String }
    `,
    resolvers: {
      Product: {
        __resolveReference: async ({ id }: { id: string }) => {
          await gate.opened;
          return { id };
        },
        stock: ({ id }: { id: string }) => Number(id) * 10,
        shelf: ({ id }: { id: string }) => (id === '2' ? null : { row: Number(id) }),
        price: (_: unknown, args: { in: string }) => (args.in === 'EUR' ? 1 : 2),
      },
      Person: { __resolveReference: ({ id }: { id: string }) => ({ id, name: `name of ${id}` }) },
      Shelf: { __resolveReference: ({ row }: { row: number }) => ({ row }) },
    },
  },
  labels: {
    typeDefs: `type Shelf @key(fields: "row") { row: Int! label: String }`,
    resolvers: {
      Shelf: {
        __resolveReference: ({ row }: { row: number }) => ({ row }),
        label: () => {
          throw new Error('no label');
        },
      },
    },
  },
};

function open(): TestGateway {
  gate = openGate();
  gateway = openTestGateway(PRODUCTS);
  return gateway;
}

function incremental(result: ExecutionResult | IncrementalResult): IncrementalResult {
  if (isIncremental(result)) return result;
  throw new Error(`a whole response: ${JSON.stringify(result)}`);
}

async function readParts({ parts }: IncrementalResult): Promise<readonly CompletedPart[]> {
  const all: CompletedPart[] = [];
  for await (const some of parts) all.push(...some);
  return all;
}

const describePart = ({ part, data, errors }: CompletedPart) => ({
  ...(part.label === undefined ? {} : { label: part.label }),
  path: part.path.join('.'),
  data: JSON.parse(JSON.stringify(data)) as unknown,
  ...(errors.length > 0
    ? { errors: errors.map(({ message, path }) => `${path?.join('.') ?? ''}: ${message}`) }
    : {}),
});

describe('@defer', () => {
  it('answers with what is there, and then with each deferred part where it belongs', async () => {
    const { runIncrementally } = open();
    const result = incremental(
      await runIncrementally('{ products { name ... @defer(label: "stock") { stock } } }'),
    );
    expect(result.initial).toEqual({ data: { products: [{ name: 'name 1' }, { name: 'name 2' }] } });
    expect(result.announces).toEqual([
      { label: 'stock', path: ['products', 0] },
      { label: 'stock', path: ['products', 1] },
    ]);
    gate.open();
    expect((await readParts(result)).map(describePart)).toEqual([
      { label: 'stock', path: 'products.0', data: { stock: 10 } },
      { label: 'stock', path: 'products.1', data: { stock: 20 } },
    ]);
  });

  it('holds nothing back that if says not to', async () => {
    const { runIncrementally } = open();
    gate.open();
    const text = 'query ($later: Boolean) { product(id: 1) { name ... @defer(if: $later) { stock } } }';
    expect(await runIncrementally(text, { later: false })).toEqual({
      data: { product: { name: 'name 1', stock: 10 } },
    });
    const result = incremental(await runIncrementally(text));
    expect(result.initial).toEqual({ data: { product: { name: 'name 1' } } });
    expect((await readParts(result)).map(describePart)).toEqual([{ path: 'product', data: { stock: 10 } }]);
  });

  it('is a directive like any other for who takes whole responses', async () => {
    const { run } = open();
    gate.open();
    expect(await run('{ product(id: 1) { name ... @defer { stock price(in: "EUR") } } }')).toEqual({
      data: { product: { name: 'name 1', stock: 10, price: 1 } },
    });
  });

  it('tells a part of the place from which a null came up, and whose reason', async () => {
    const { runIncrementally } = open();
    gate.open();
    const result = incremental(await runIncrementally('{ products { id ... @defer { shelf { row } } } }'));
    const parts = (await readParts(result)).map(describePart);
    expect(parts[0]).toEqual({ path: 'products.0', data: { shelf: { row: 1 } } });
    expect(parts[1]).toMatchObject({
      path: 'products.1',
      data: null,
      errors: [expect.stringContaining('products.1.shelf: ')],
    });
  });

  it('tells an error of a part with the part, once, at its place', async () => {
    const { runIncrementally } = open();
    gate.open();
    const result = incremental(
      await runIncrementally('{ product(id: 1) { id ... @defer { s: shelf { row text: label } } } }'),
    );
    expect(result.initial.errors).toBeUndefined();
    expect((await readParts(result)).map(describePart)).toEqual([
      {
        path: 'product',
        data: { s: { row: 1, text: null } },
        errors: [expect.stringMatching(/^product\.s\.text: The server failed/)],
      },
    ]);
  });

  it('lets parts stand in parts, announced with the one around them', async () => {
    const { runIncrementally } = open();
    gate.open();
    const text =
      '{ me { id ... @defer(label: "a") { name friend { id ... @defer(label: "b") { name } } } } }';
    const parts = await readParts(incremental(await runIncrementally(text)));
    expect(parts.map(describePart)).toEqual([
      { label: 'a', path: 'me', data: { name: 'name of a', friend: { id: 'b' } } },
      { label: 'b', path: 'me.friend', data: { name: 'name of b' } },
    ]);
    expect(parts[0]?.announces[0]).toBe(parts[1]?.part);
  });

  it('defers a fragment wherever it is spread, at the root and in mutations below it', async () => {
    const { runIncrementally } = open();
    gate.open();
    const spread = `query { a: product(id: 1) { ...P @defer } b: product(id: 2) { ...P @defer } ... @defer { me { id } } }
      fragment P on Product { name stock }`;
    const parts = await readParts(incremental(await runIncrementally(spread)));
    expect(parts.map(describePart).sort((x, y) => (x.path < y.path ? -1 : 1))).toEqual([
      { path: '', data: { me: { id: 'a' } } },
      { path: 'a', data: { name: 'name 1', stock: 10 } },
      { path: 'b', data: { name: 'name 2', stock: 20 } },
    ]);
    const mutation = incremental(
      await runIncrementally('mutation { rename(id: 1, name: "n") { name ... @defer { stock } } }'),
    );
    expect(mutation.initial).toEqual({ data: { rename: { name: 'n' } } });
    expect((await readParts(mutation)).map(describePart)).toEqual([{ path: 'rename', data: { stock: 10 } }]);
  });

  it('sends nothing for an object that is not there', async () => {
    const { runIncrementally } = open();
    gate.open();
    const text = '{ me { friend { friend { id ... @defer { name } } } } }';
    expect(await runIncrementally(text)).toEqual({ data: { me: { friend: { friend: null } } } });
  });

  it.each([
    ['query ($l: String) { me { ... @defer(label: $l) { id } } }', 'expected the label of @defer'],
    ['{ me { ... @defer(label: "x") { id } ... @defer(label: "x") { name } } }', 'got "x" twice'],
    [
      'mutation { ... @defer { rename(id: 1, name: "n") { id } } }',
      'not supported in the root of a mutation',
    ],
  ])('refuses %s', async (text, reason) => {
    const { runIncrementally } = open();
    const result = await runIncrementally(text);
    expect(result).toMatchObject({
      errors: [expect.objectContaining({ message: expect.stringContaining(reason) })],
    });
  });

  it('ends the fetches of parts that nobody waits for any more', async () => {
    const { runIncrementally } = open();
    const client = new AbortController();
    const result = incremental(
      await runIncrementally('{ product(id: 1) { name ... @defer { stock } } }', {}, client.signal),
    );
    const reading = readParts(result);
    client.abort();
    expect(await reading).toEqual([]);
  });
});
