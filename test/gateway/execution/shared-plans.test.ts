import { describe, expect, it } from '@jest/globals';
import { closeGatewaysAfterEach, dataOf } from '../../support/opened-gateways.js';
import type { TestGateway, TestSubgraph } from '../../support/test-gateway.js';

const open = closeGatewaysAfterEach();

/** How many plans were made, and how many requests found theirs. */
async function lookups(gateway: TestGateway): Promise<Record<string, number>> {
  const { values } = await gateway.gateway.metrics.planLookups.get();
  return Object.fromEntries(values.map(({ labels, value }) => [String(labels.outcome), value]));
}

describe('a plan', () => {
  const a: TestSubgraph = {
    typeDefs: `
      type Query { echo(text: String = "d", on: On, list: [[Int!]], id: ID, f: Float, e: E, any: Any, b: Boolean): P }
      input On { a: Int! = 5 e: E more: [On!] any: Any }
      enum E { X Y }
      scalar Any
      type P @key(fields: "id") { id: ID! said: String }`,
    resolvers: {
      Query: { echo: (_parent: unknown, args: unknown) => ({ id: 1, said: JSON.stringify(args) }) },
    },
  };
  const b: TestSubgraph = {
    typeDefs: 'type P @key(fields: "id") { id: ID! times(n: Int!): Int }',
    resolvers: { P: { times: (_parent: unknown, { n }: { n: number }) => n * 2 } },
  };
  const said = async (gateway: TestGateway, args: string, variables?: Record<string, unknown>, head = '') => {
    const { echo } = await dataOf(gateway, `query ${head} { echo${args} { said } }`, variables);
    return JSON.parse((echo as { said: string }).said) as unknown;
  };

  it('is shared by operations that differ in aliases and literals alone', async () => {
    const gateway = open({ a, b });
    expect(await dataOf(gateway, '{ echo(text: "1") { a: times(n: 1) } }')).toEqual({ echo: { a: 2 } });
    expect(await dataOf(gateway, '{ x: echo(text: "2") { times(n: 2) } }')).toEqual({ x: { times: 4 } });
    expect(await dataOf(gateway, '{ y: echo(text: null) { z: times(n: 3) } }')).toEqual({ y: { z: 6 } });
    expect(await lookups(gateway)).toEqual({ miss: 1, hit: 2 });
  });

  it('is not shared by operations that compare two values in another way', async () => {
    const gateway = open({ a, b });
    const query = (n: number, m: number) => `{ echo { a: times(n: ${n}) b: times(n: ${m}) } }`;
    expect(await dataOf(gateway, query(1, 2))).toEqual({ echo: { a: 2, b: 4 } });
    expect(await dataOf(gateway, query(3, 3))).toEqual({ echo: { a: 6, b: 6 } });
    expect(await dataOf(gateway, query(4, 5))).toEqual({ echo: { a: 8, b: 10 } });
    expect(await lookups(gateway)).toEqual({ miss: 2, hit: 1 });
  });

  it.each([
    ['', { text: 'd' }],
    ['(text: null)', { text: null }],
    ['(text: "")', { text: '' }],
    ['(text: """\n  block\n    text\n""")', { text: 'block\n  text' }],
    ['(list: 1)', { text: 'd', list: [[1]] }],
    ['(list: [1, null, [2]])', { text: 'd', list: [[1], null, [2]] }],
    ['(list: [])', { text: 'd', list: [] }],
    ['(id: 12345678901234567890)', { text: 'd', id: '12345678901234567890' }],
    ['(id: "x", f: 1, b: false)', { text: 'd', id: 'x', f: 1, b: false }],
    ['(f: 1.5e3, e: X)', { text: 'd', f: 1500, e: 'X' }],
    ['(on: {})', { text: 'd', on: { a: 5 } }],
    ['(on: { a: 1, e: Y, more: { a: 2 } })', { text: 'd', on: { a: 1, e: 'Y', more: [{ a: 2 }] } }],
    ['(any: { x: [1, "y"] })', { text: 'd', any: { x: [1, 'y'] } }],
    ['(on: { any: "t", a: 3 })', { text: 'd', on: { any: 't', a: 3 } }],
  ])('leaves literals their meaning: %s', async (args, expected) => {
    expect(await said(open({ a, b }), args)).toEqual(expected);
  });

  it('leaves variables inside of literals theirs', async () => {
    const gateway = open({ a, b });
    const args =
      '(on: { a: $literal_0, e: X, more: [{ a: 2 }, { a: $literal_0, e: $e }] }, list: [[1, $literal_0], 4])';
    expect(await said(gateway, args, { literal_0: 7 }, '($literal_0: Int!, $e: E)')).toEqual({
      text: 'd',
      on: { a: 7, e: 'X', more: [{ a: 2 }, { a: 7 }] },
      list: [[1, 7], [4]],
    });
  });
});
