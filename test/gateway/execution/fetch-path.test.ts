import { describe, expect, it } from '@jest/globals';
import { buildSchema } from 'graphql';
import { compileFetchPath, visitTargets } from '../../../gateway/execution/fetch-path.js';
import { createPossibleTypes } from '../../../gateway/execution/possible-types.js';
import { findTypes } from '../../../gateway/supergraph/find-types.js';
import type { DataObject } from '../../../gateway/execution/data.js';

const types = createPossibleTypes(
  findTypes(
    buildSchema(
      'type Query { a: Media } interface Media { id: ID } type Book implements Media { id: ID } type Film implements Media { id: ID } type Other { id: ID }',
    ),
  ),
);

/** The places of the objects at the end of a path, each with its id. */
function visited(root: DataObject, path: readonly string[]) {
  const seen: unknown[] = [];
  visitTargets(root, compileFetchPath(path), types, (object, at) => seen.push([[...at], object['id']]));
  return seen;
}

describe('the path of a fetch', () => {
  it('ends at the root when it is empty', () => {
    expect(visited({ id: 'root' }, [])).toEqual([[[], 'root']]);
  });

  it('walks lists in lists, in the order of the response, and leaves out what is null or missing', () => {
    const data = { rows: [[{ cell: { id: 1 } }, null], null, [{ cell: null }, {}, { cell: { id: 2 } }]] };
    expect(visited(data, ['rows', '@', '@', 'cell'])).toEqual([
      [['rows', 0, 0, 'cell'], 1],
      [['rows', 2, 2, 'cell'], 2],
    ]);
  });

  it.each([
    ['behind a list', ['media', '@|[Book]']],
    ['behind a name', ['media|[Book]', '@']],
  ])('keeps to the types of a condition %s', (_where, path) => {
    const media = [{ __typename: 'Book', id: 1 }, { __typename: 'Film', id: 2 }, { id: 3 }];
    expect(visited({ media }, path)).toEqual([[['media', 0], 1]]);
  });

  it('takes an interface, and several types, for a condition', () => {
    const media = [
      { __typename: 'Book', id: 1 },
      { __typename: 'Film', id: 2 },
      { __typename: 'Other', id: 3 },
    ];
    expect(visited({ media }, ['media', '@|[Media]']).length).toBe(2);
    expect(visited({ media }, ['media', '@|[Book, Other]']).length).toBe(2);
  });

  it('begins with a condition on the root', () => {
    const data = { __typename: 'Book', id: 0, next: { id: 1 } };
    expect(visited(data, ['|[Book]', 'next'])).toEqual([[['next'], 1]]);
    expect(visited(data, ['|[Film]', 'next'])).toEqual([]);
    expect(visited(data, ['', 'next'])).toEqual([[['next'], 1]]);
  });

  it('does not take what every object inherits for a field', () => {
    expect(visited({}, ['constructor'])).toEqual([]);
  });
});
