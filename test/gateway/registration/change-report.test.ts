import { describe, expect, it } from '@jest/globals';
import { buildSchema } from 'graphql';
import { reportChanges } from '../../../gateway/registration/change-report.js';

const BEFORE = `
  type Query { a(x: Int, y: Int = 1): Int gone: Int u: U e: E i(f: F, g: Int): I t: T s: S }
  union U = T | V type T { id: ID } type V { id: ID } enum E { A B } input F { n: Int } interface I { id: ID }
  type S implements I { id: ID } type K { id: ID } type R { id: ID } scalar W`;
const AFTER = `
  type Query { a(y: Int = 2, z: Int!): String u: U e: E i(f: F, g: String, h: Int): I t: T s: S }
  union U = T | N type T { id: ID } type N { id: ID } type V { id: ID } enum E { A C } input F { n: Int m: Int! o: Int }
  interface I { id: ID } interface J { id: ID } type S implements J { id: ID } input K { id: ID }`;

describe('what another schema means for clients', () => {
  it('is told by its place, with how often the place was used, most first', async () => {
    const uses = new Map([
      ['Query.gone', 7],
      ['Query.a', 3],
      ['Query.a(x:)', 2],
      ['E', 9],
    ]);
    const changes = await reportChanges(buildSchema(BEFORE), buildSchema(AFTER), uses);
    const told = changes.map(({ kind, severity, coordinate, uses: count }) => [
      kind,
      severity,
      coordinate,
      count,
    ]);
    expect(told.slice(0, 6)).toEqual([
      ['VALUE_REMOVED_FROM_ENUM', 'BREAKING', 'E', 9],
      ['VALUE_ADDED_TO_ENUM', 'DANGEROUS', 'E', 9],
      ['FIELD_REMOVED', 'BREAKING', 'Query.gone', 7],
      ['REQUIRED_ARG_ADDED', 'BREAKING', 'Query.a', 3],
      ['FIELD_CHANGED_KIND', 'BREAKING', 'Query.a', 3],
      ['ARG_REMOVED', 'BREAKING', 'Query.a(x:)', 2],
    ]);
    expect(new Map(told.slice(6).map(([kind, , coordinate]) => [kind, coordinate]))).toEqual(
      new Map([
        ['TYPE_REMOVED', 'W'],
        ['TYPE_CHANGED_KIND', 'K'],
        ['TYPE_REMOVED_FROM_UNION', 'U'],
        ['TYPE_ADDED_TO_UNION', 'U'],
        ['REQUIRED_INPUT_FIELD_ADDED', 'F'],
        ['OPTIONAL_INPUT_FIELD_ADDED', 'F'],
        ['IMPLEMENTED_INTERFACE_REMOVED', 'S'],
        ['IMPLEMENTED_INTERFACE_ADDED', 'S'],
        ['ARG_CHANGED_KIND', 'Query.i(g:)'],
        ['OPTIONAL_ARG_ADDED', 'Query.i'],
        ['ARG_DEFAULT_VALUE_CHANGE', 'Query.a(y:)'],
      ]),
    );
  });

  it('is nothing when nothing changes but descriptions and order', async () => {
    const schema = buildSchema('type Query { a: Int b: Int }');
    expect(
      await reportChanges(schema, buildSchema('"Root" type Query { b: Int a: Int c: Int }'), new Map()),
    ).toEqual([]);
  });
});
