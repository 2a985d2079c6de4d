import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  applyMergePatch,
  findDelta,
  isJsonObject,
  makeMergePatch,
  type JsonObject,
} from '../../../../subgraphs/devices/twin/merge-patch.js';

/** RFC 7396, appendix A, where both are objects. */
const EXAMPLES: readonly (readonly [JsonObject, JsonObject, JsonObject])[] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

const leaf = fc.oneof(
  fc.integer(),
  fc.boolean(),
  fc.string({ maxLength: 3 }),
  fc.array(fc.integer(), { maxLength: 2 }),
);
const name = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor');
const { document } = fc.letrec<{ document: JsonObject; value: unknown }>((tie) => ({
  document: fc
    .array(fc.tuple(name, tie('value')), { maxLength: 4 })
    .map((entries) => Object.fromEntries(entries)),
  value: fc.oneof({ maxDepth: 3 }, leaf, tie('document')),
}));

describe('a merge patch', () => {
  it.each(EXAMPLES)('does with %j and %j what RFC 7396 says', (target, patch, result) => {
    expect(applyMergePatch(target, patch)).toEqual(result);
  });

  it('is found that makes any document of any other', () => {
    fc.assert(
      fc.property(document, document, (from, to) => {
        expect(applyMergePatch(from, makeMergePatch(from, to))).toEqual(to);
      }),
    );
  });

  it('is empty between documents that are the same', () => {
    fc.assert(
      fc.property(document, (one) => {
        expect(makeMergePatch(one, structuredClone(one))).toEqual({});
      }),
    );
  });

  it('leaves what it is applied to as it was', () => {
    const target = { a: { b: 1 } };
    applyMergePatch(target, { a: { b: 2, c: 3 } });
    expect(target).toEqual({ a: { b: 1 } });
  });
});

describe('the delta', () => {
  it('has what is desired and not reported, or reported otherwise', () => {
    const desired = { level: 5, mode: 'DAY', net: { ip: 'a', mask: 'b' }, list: [1, 2] };
    const reported = { level: 5, mode: 'NIGHT', net: { ip: 'a', mask: 'c', gateway: 'd' }, other: true };
    expect(findDelta(desired, reported)).toEqual({ mode: 'DAY', net: { mask: 'b' }, list: [1, 2] });
  });

  it('is empty once it is reported as a patch', () => {
    fc.assert(
      fc.property(document, document, (desired, reported) => {
        const delta = findDelta(desired, reported);
        expect(isJsonObject(delta)).toBe(true);
        expect(findDelta(desired, applyMergePatch(reported, delta))).toEqual({});
      }),
    );
  });
});
