import { describe, expect, it } from '@jest/globals';
import type { DataObject } from '../../../gateway/execution/data.js';
import { mergeInto } from '../../../gateway/execution/merge.js';

const mismatches: unknown[] = [];

function merged(target: DataObject, source: DataObject): DataObject {
  mismatches.length = 0;
  mergeInto(target, source, {
    isObjectType: (name) => name !== 'Media',
    onListMismatch: (kept, lost) => mismatches.push([kept.length, lost.length]),
  });
  return target;
}

describe('merging', () => {
  it('adds fields and keeps what is there', () => {
    expect(merged({ a: 1, o: { x: 1 } }, { a: 2, b: 3, o: { x: 9, y: 2 } })).toEqual({
      a: 1,
      b: 3,
      o: { x: 1, y: 2 },
    });
  });

  it('puts a value where there was null, and no null where there was a value', () => {
    expect(merged({ a: null, b: 1, l: [null, { x: 1 }] }, { a: 2, b: null, l: [{ x: 2 }, null] })).toEqual({
      a: 2,
      b: 1,
      l: [{ x: 2 }, { x: 1 }],
    });
  });

  it.each(['', 0, false])('keeps %j like any other value', (value) => {
    expect(merged({ a: value }, { a: 'other' })).toEqual({ a: value });
  });

  it('merges lists item by item, in lists too', () => {
    expect(merged({ l: [[{ a: 1 }], [{ a: 2 }]] }, { l: [[{ b: 1 }], [{ b: 2 }]] })).toEqual({
      l: [[{ a: 1, b: 1 }], [{ a: 2, b: 2 }]],
    });
  });

  it('keeps the first of two lists of different length, and tells of it', () => {
    expect(merged({ l: [{ a: 1 }] }, { l: [{ b: 1 }, { b: 2 }] })).toEqual({ l: [{ a: 1 }] });
    expect(mismatches).toEqual([[1, 2]]);
  });

  it('lets an object type take the place of its interface’s name, and never the other way', () => {
    expect(merged({ __typename: 'Media' }, { __typename: 'Book' })).toEqual({ __typename: 'Book' });
    expect(merged({ __typename: 'Book' }, { __typename: 'Media' })).toEqual({ __typename: 'Book' });
  });

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'takes %s for a name like any other',
    (name) => {
      const source = JSON.parse(`{"${name}": {"x": 1}}`) as DataObject;
      const target = merged({}, source);
      expect(JSON.stringify(target)).toBe(`{"${name}":{"x":1}}`);
      expect(Object.getPrototypeOf(target)).toBe(Object.prototype);
    },
  );
});
