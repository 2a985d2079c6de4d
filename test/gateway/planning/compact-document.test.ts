import { describe, expect, it } from '@jest/globals';
import { getLocation, parse, print, visit, type Location } from 'graphql';
import { compactDocument } from '../../../gateway/planning/compact-document.js';

const TEXT = `query Q($id: ID! = "1", $some: Boolean) {
  product(id: $id) @include(if: $some) { ...P @defer(label: "p") name }
}
fragment P on Product { id }`;

function placesIn(text: string) {
  const places = new Map<string, Location | undefined>();
  const document = compactDocument(parse(text), text);
  visit(document, { enter: (node) => void places.set(`${node.kind} ${places.size}`, node.loc) });
  return { document, places };
}

describe('a document that is kept', () => {
  it('says the same', () => {
    expect(print(placesIn(TEXT).document)).toBe(print(parse(TEXT)));
  });

  it('knows the places that errors may tell of, and no others', () => {
    const told = [...placesIn(TEXT).places].flatMap(([node, place]) =>
      place ? [[node.split(' ')[0], getLocation(place.source, place.start)]] : [],
    );
    expect(told).toEqual([
      ['VariableDefinition', { line: 1, column: 9 }],
      ['VariableDefinition', { line: 1, column: 25 }],
      ['Directive', { line: 2, column: 20 }],
      ['Directive', { line: 2, column: 47 }],
    ]);
  });

  it('knows no tokens beside those', () => {
    for (const place of placesIn(TEXT).places.values()) {
      expect([place?.startToken.next ?? null, place?.startToken.prev ?? null]).toEqual([null, null]);
    }
  });
});
