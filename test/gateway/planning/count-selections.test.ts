import { describe, expect, it } from '@jest/globals';
import { parse } from 'graphql';
import { countSelections } from '../../../gateway/planning/count-selections.js';
import { openTestGateway } from '../../support/test-gateway.js';

/** A short document that is long once its fragments are spread: each of them spreads the next one twice. */
function doubling(fragments: number): string {
  const parts = Array.from({ length: fragments }, (_, index) => {
    const next = index + 1 < fragments ? `...F${index + 1}` : 'a';
    return `fragment F${index} on Thing { one { ${next} } two { ${next} } }`;
  });
  return `{ thing { ...F0 } } ${parts.join(' ')}`;
}

describe('the number of selections', () => {
  it.each([
    ['{ a b { c } }', 3],
    ['{ ... on Query { a } ...F } fragment F on Query { b c }', 4],
    ['query A { a } query B { b }', 2],
    [doubling(1), 5],
    [doubling(2), 11],
  ])('of %s is counted with all fragments spread', (text, count) => {
    expect(countSelections(parse(text))).toBe(count);
  });

  it('is counted in no time, however large it is', () => {
    expect(countSelections(parse(doubling(40)))).toBeGreaterThan(1e12);
  });

  it('of fragments that spread themselves has no end', () => {
    expect(countSelections(parse('{ ...F } fragment F on Query { a ...F }'))).toBe(Number.POSITIVE_INFINITY);
  });

  it('is bounded: beyond it an operation is refused at once, unplanned', async () => {
    const test = openTestGateway({
      things: { typeDefs: 'type Query { thing: Thing } type Thing { one: Thing two: Thing a: Int }' },
    });
    const { data, errors } = await test.run(doubling(20));
    expect(data).toBeUndefined();
    expect(errors?.[0]?.extensions['code']).toBe('OPERATION_TOO_COSTLY');
    expect((await test.run(doubling(3))).errors).toBeUndefined();
    await test.close();
  });
});
