import { describe, expect, it } from '@jest/globals';
import { parse, print, stripIgnoredCharacters } from 'graphql';
import { clientNameOf, rewriteForPlanner } from '../../../gateway/planning/rewrite-operation.js';

function rewritten(text: string, variables: Record<string, unknown> = {}): string {
  return stripIgnoredCharacters(print(rewriteForPlanner(parse(text), variables)));
}

describe('the operation that the planner gets', () => {
  it.each([
    ['{ a @skip(if: true) b @include(if: true) }', '{b}'],
    ['{ a @skip(if: false) @include(if: false) b }', '{b}'],
    ['{ a { x @skip(if: $yes) } }', '{a{__typename}}'],
    ['{ a @include(if: $no) { x } }', '{__typename}'],
    [
      '{ ... on A @include(if: $yes) { x } ...F @skip(if: $yes) ... @skip(if: $no) { y } }',
      '{...on A{x}...{y}}',
    ],
    ['{ ...F } fragment F on A { x @include(if: $no) }', '{...F}fragment F on A{__typename}'],
    ['{ a @tag(name: "t") @include(if: $yes) }', '{a@tag(name:"t")}'],
  ])('has its conditions decided: %s', (text, expected) => {
    expect(rewritten(text, { yes: true, no: false })).toBe(expected);
  });

  it('leaves what has no conditions as it is', () => {
    const document = parse('query ($v: Int) { a(v: $v) { x } }');
    expect(rewriteForPlanner(document, {})).toBe(document);
  });

  it('keeps the client’s variables from the planner’s own', () => {
    const text = 'query ($representations: Int = 1) { a(v: [$representations]) }';
    const [name] = /(?<=\$)\w+/.exec(rewritten(text)) ?? [''];
    expect(rewritten(text)).not.toMatch(/\$representations\b(?!_)/);
    expect(clientNameOf(name)).toBe('representations');
    expect(clientNameOf('other')).toBe('other');
  });
});
