import { describe, expect, it } from '@jest/globals';
import { parse } from 'graphql';
import { createOperationCache } from '../../../gateway/planning/operation-cache.js';

function createCounted(capacity: number) {
  const made: string[] = [];
  const cache = createOperationCache({
    capacity,
    maxCharacters: 100,
    make: (_document, operationName) => {
      made.push(operationName ?? '');
      return made.length;
    },
  });
  return { cache, made };
}

describe('the cache of operations', () => {
  it('knows an operation again in another document and another formatting', () => {
    const { cache } = createCounted(10);
    const document = parse('{ a }');
    expect(cache.get(document, undefined)).toBe(1);
    expect(cache.get(document, undefined)).toBe(1);
    expect(cache.get(parse('{\n  a # with a comment\n}'), undefined)).toBe(1);
    expect(cache.get(parse('{ b }'), undefined)).toBe(2);
  });

  it('tells the operations of one document apart', () => {
    const { cache, made } = createCounted(10);
    const document = parse('query A { a } query B { b }');
    expect([cache.get(document, 'A'), cache.get(document, 'B'), cache.get(document, 'A')]).toEqual([1, 2, 1]);
    expect(made).toEqual(['A', 'B']);
  });

  it('forgets what was used least recently', () => {
    const { cache } = createCounted(2);
    const [a, b, c] = ['{ a }', '{ b }', '{ c }'].map((text) => parse(text));
    if (!a || !b || !c) throw new Error('three documents');
    for (const document of [a, b, a, c]) cache.get(document, undefined);
    expect(cache.size).toBe(2);
    expect(cache.get(a, undefined)).toBe(1);
    expect(cache.get(b, undefined)).toBe(4);
  });

  it('keeps nothing of an operation whose text is long', () => {
    const { cache } = createCounted(10);
    const document = parse(`{ a(text: "${'x'.repeat(200)}") }`);
    expect([cache.get(document, undefined), cache.get(document, undefined), cache.size]).toEqual([1, 2, 0]);
  });

  it('keeps nothing of an operation that cannot be made', () => {
    let fail = true;
    const cache = createOperationCache({
      capacity: 2,
      maxCharacters: 100,
      make: () => {
        if (fail) throw new Error('no');
        return 'made';
      },
    });
    expect(() => cache.get(parse('{ a }'), undefined)).toThrow('no');
    fail = false;
    expect(cache.get(parse('{ a }'), undefined)).toBe('made');
  });
});
