import { describe, expect, it } from '@jest/globals';
import type { FetchDataRewrite } from '@apollo/query-planner';
import { buildSchema } from 'graphql';
import { createPossibleTypes } from '../../../gateway/execution/possible-types.js';
import { findTypes } from '../../../gateway/supergraph/find-types.js';
import { applyRewrites, innermostFirst, renamePath } from '../../../gateway/execution/rewrites.js';

const possibleTypes = createPossibleTypes(
  findTypes(
    buildSchema(
      'type Query { m: M } interface M { id: ID } type A implements M { id: ID } type B implements M { id: ID }',
    ),
  ),
);
const rename = (renameKeyTo: string, ...path: string[]): FetchDataRewrite => ({
  kind: 'KeyRenamer',
  path,
  renameKeyTo,
});
const set = (setValueTo: string, ...path: string[]): FetchDataRewrite => ({
  kind: 'ValueSetter',
  path,
  setValueTo,
});

function rewritten<T>(value: T, ...rewrites: FetchDataRewrite[]): T {
  applyRewrites(value, innermostFirst(rewrites), possibleTypes);
  return value;
}

describe('rewrites', () => {
  it.each(['', 0, false, null, 'text', { a: 1 }])('rename a key whose value is %j', (value) => {
    expect(rewritten({ k__alias_0: value }, rename('k', 'k__alias_0'))).toEqual({ k: value });
  });

  it('rename nothing where the key is not', () => {
    expect(rewritten({ other: 1 }, rename('k', 'k__alias_0'))).toEqual({ other: 1 });
  });

  it('hold for the objects of their type only, in lists of lists too', () => {
    const value = { m: [[{ __typename: 'A', x: 1 }, null], [{ __typename: 'B', x: 2 }]] };
    expect(rewritten(value, rename('k', 'm', '... on A', 'x'))).toEqual({
      m: [[{ __typename: 'A', k: 1 }, null], [{ __typename: 'B', x: 2 }]],
    });
    expect(rewritten({ __typename: 'B', x: 2 }, rename('k', '... on M', 'x'))).toEqual({
      __typename: 'B',
      k: 2,
    });
  });

  it('rename inside an object before the object itself', () => {
    const value = { o__alias_0: { i__alias_0: 1 } };
    expect(rewritten(value, rename('o', 'o__alias_0'), rename('i', 'o__alias_0', 'i__alias_0'))).toEqual({
      o: { i: 1 },
    });
  });

  it('set a value, also where there was none', () => {
    expect(rewritten([{ __typename: 'A' }, { __typename: 'B' }], set('M', '... on A', '__typename'))).toEqual(
      [{ __typename: 'M' }, { __typename: 'B' }],
    );
  });

  it('name the field of an error as the response does', () => {
    const rewrites = [rename('k', 'm', '... on A', 'k__alias_0'), rename('m2', 'm', 'k__alias_0', 'x')];
    expect(renamePath(['m', 0, 1, 'k__alias_0', 2, 'x', 'y'], rewrites)).toEqual([
      'm',
      0,
      1,
      'k',
      2,
      'm2',
      'y',
    ]);
    expect(renamePath(['m', 0], rewrites)).toEqual(['m', 0]);
    expect(renamePath(['n', 0, 'k__alias_0'], rewrites)).toEqual(['n', 0, 'k__alias_0']);
    expect(renamePath(['n'], undefined)).toEqual(['n']);
  });
});
