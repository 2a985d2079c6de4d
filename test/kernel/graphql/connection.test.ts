import { describe, expect, it } from '@jest/globals';
import { checkPageSize, MAX_PAGE, toConnection } from '../../../kernel/graphql/connection.js';

const options = { cursorOf: (row: string) => `cursor of ${row}`, after: false };

describe('a page of a connection', () => {
  it('leaves out the one row too many, which tells of the next page', () => {
    expect(toConnection(['a', 'b', 'c'], { ...options, first: 2 })).toEqual({
      edges: [
        { cursor: 'cursor of a', node: 'a' },
        { cursor: 'cursor of b', node: 'b' },
      ],
      pageInfo: {
        hasNextPage: true,
        hasPreviousPage: false,
        startCursor: 'cursor of a',
        endCursor: 'cursor of b',
      },
    });
  });

  it('is the last when there is no row too many, and has one before it when it began behind a cursor', () => {
    const { pageInfo } = toConnection(['a', 'b'], { ...options, first: 2, after: true });
    expect(pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
  });

  it('has no cursors when it is empty', () => {
    expect(toConnection<string>([], { ...options, first: 2 })).toEqual({
      edges: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
    });
  });
});

describe('the size of a page', () => {
  it.each([1, MAX_PAGE])('may be %d', (first) => {
    expect(checkPageSize(first)).toBe(first);
  });

  it.each([0, -1, MAX_PAGE + 1, Number.NaN])('may not be %d', (first) => {
    expect(() => checkPageSize(first)).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT' }));
  });
});
