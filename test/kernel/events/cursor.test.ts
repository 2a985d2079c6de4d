import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeCursor, encodeCursor } from '../../../kernel/events/cursor.js';

const sequence = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });

describe('a cursor', () => {
  it('gives back its sequence, up to the largest of Postgres', () => {
    fc.assert(
      fc.property(sequence, (n) => {
        expect(decodeCursor('rdg', encodeCursor('rdg', n))).toBe(n);
      }),
    );
    expect(decodeCursor('rdg', encodeCursor('rdg', 2n ** 63n - 1n))).toBe(2n ** 63n - 1n);
  });

  it('is refused by another stream', () => {
    expect(() => decodeCursor('smp', encodeCursor('rdg', 5n))).toThrow(
      /expected the cursor of an earlier event/,
    );
  });

  it.each([
    ['nothing', ''],
    ['a number', '5'],
    ['text that is no base64', 'not a cursor!'],
    ['a larger number than Postgres has', encodeCursor('rdg', 2n ** 63n)],
    ['a negative number', encodeCursor('rdg', -1n)],
    ['another spelling of a good one', `${encodeCursor('rdg', 5n)}=`],
    ['leading zeros', Buffer.from('rdg:05').toString('base64url')],
    ['a line break behind it', Buffer.from('rdg:5\n').toString('base64url')],
  ])('is refused with a code when it is %s', (_what, cursor) => {
    expect(() => decodeCursor('rdg', cursor)).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT' }));
  });

  it('never fails in another way, whatever is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          decodeCursor('rdg', text);
        } catch (error) {
          expect(error).toMatchObject({ code: 'BAD_USER_INPUT' });
        }
      }),
    );
  });
});
