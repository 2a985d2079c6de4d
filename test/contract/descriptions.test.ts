import { describe, expect, it } from '@jest/globals';
import { Kind, parse, visit, type ASTNode, type StringValueNode } from 'graphql';
import { readContractFiles } from '../support/contract-files.js';

/** One thing of the contract that a reader may ask about. */
interface Entry {
  readonly file: string;
  /** From the outside in, such as `Query.devices(first)`. */
  readonly path: string;
  readonly description: string | undefined;
}

const DESCRIBED = new Set<Kind>([
  Kind.SCALAR_TYPE_DEFINITION,
  Kind.OBJECT_TYPE_DEFINITION,
  Kind.INTERFACE_TYPE_DEFINITION,
  Kind.UNION_TYPE_DEFINITION,
  Kind.ENUM_TYPE_DEFINITION,
  Kind.INPUT_OBJECT_TYPE_DEFINITION,
  Kind.DIRECTIVE_DEFINITION,
  Kind.FIELD_DEFINITION,
  Kind.INPUT_VALUE_DEFINITION,
  Kind.ENUM_VALUE_DEFINITION,
]);
/** Every subgraph adds to these; the specification says what they are. */
const ROOTS = new Set(['Query', 'Mutation', 'Subscription']);

const files = readContractFiles();

function listEntries(file: string, sdl: string): Entry[] {
  const entries: Entry[] = [];
  const path: string[] = [];
  visit(parse(sdl, { noLocation: true }), {
    enter(node) {
      const name = nameOf(node);
      if (name !== undefined) path.push(name);
      if (!DESCRIBED.has(node.kind) || ROOTS.has(path.join('.'))) return;
      entries.push({ file, path: path.join('.'), description: descriptionOf(node)?.value });
    },
    leave(node) {
      if (nameOf(node) !== undefined) path.pop();
    },
  });
  return entries;
}

function nameOf(node: ASTNode): string | undefined {
  const named = DESCRIBED.has(node.kind) || node.kind.endsWith('TypeExtension');
  return named && 'name' in node ? node.name.value : undefined;
}

function descriptionOf(node: ASTNode): StringValueNode | undefined {
  return 'description' in node ? node.description : undefined;
}

function listAll(): Entry[] {
  return files.flatMap(({ file, sdl }) => listEntries(file, sdl));
}

function findUndescribed(entries: readonly Entry[]): string[] {
  return entries
    .filter(({ description = '' }) => description.trim() === '')
    .map(({ file, path }) => `${file}: ${path}`);
}

/** What several files describe, each in other words: composition would keep one of them and drop the others. */
function findContradictions(entries: readonly Entry[]): string[] {
  const byPath = new Map<string, Set<string>>();
  for (const { path, description = '' } of entries) {
    byPath.set(path, (byPath.get(path) ?? new Set()).add(description));
  }
  return [...byPath].filter(([, descriptions]) => descriptions.size > 1).map(([path]) => path);
}

describe('the contract', () => {
  it('is there', () => {
    expect(files.map(({ file }) => file)).toEqual(
      expect.arrayContaining(['shared.graphql', 'devices.graphql', 'consciousness.graphql']),
    );
    expect(listAll().length).toBeGreaterThan(100);
  });

  it('describes every type, field, argument, input field and enum value', () => {
    expect(findUndescribed(listAll())).toEqual([]);
  });

  it('describes what several subgraphs share in the same words everywhere', () => {
    expect(findContradictions(listAll())).toEqual([]);
  });
});

describe('the search for what is not described', () => {
  it('finds each kind of thing', () => {
    const sdl = `
      type Query { a(b: Int, "said" c: Int): Int }
      "" type T { "said" d: Int }
      input I { e: Int }
      enum E { F }
      scalar S
      union U = T
      interface N { g: Int }
      directive @h on OBJECT
      extend type T { i: Int }`;
    expect(findUndescribed(listEntries('x', sdl)).map((text) => text.slice(3))).toEqual([
      'Query.a',
      'Query.a.b',
      'T',
      'I',
      'I.e',
      'E',
      'E.F',
      'S',
      'U',
      'N',
      'N.g',
      'h',
      'T.i',
    ]);
  });

  it('finds one field that two files describe differently', () => {
    const one = listEntries('one', '"A" type T { "Its id." id: ID "Same." b: Int }');
    const two = listEntries('two', '"B" type T { "Another." id: ID "Same." b: Int }');
    expect(findContradictions([...one, ...two])).toEqual(['T', 'T.id']);
  });
});
