import { describe, expect, it } from '@jest/globals';
import { parse } from 'graphql';
import { composeSupergraph } from '../../../gateway/supergraph/compose.js';
import { CompositionFailed } from '../../../gateway/supergraph/composition-failed.js';
import { readSupergraph } from '../../../gateway/supergraph/read-supergraph.js';
import { createSnapshot, SupergraphInvalid } from '../../../gateway/supergraph/snapshot.js';

const contract = (name: string, sdl: string) => ({
  name,
  url: `http://${name}/graphql`,
  typeDefs: parse(
    `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@inaccessible"])\n${sdl}`,
  ),
});
const A = contract(
  'a',
  'type Query { p: P } type P @key(fields: "id") { id: ID! secret: Int @inaccessible }',
);
const B = contract('b', 'type P @key(fields: "id") { id: ID! n: Int }');

const read = (sdl: string) => createSnapshot(sdl, readSupergraph(sdl).facts);

describe('a supergraph', () => {
  it('is read with its subgraphs, and with the schema that clients see', () => {
    const sdl = composeSupergraph([A, B]);
    const { id, apiSchema, subgraphs } = read(sdl);
    expect(id).toMatch(/^[0-9a-f]{16}$/);
    expect(read(sdl).id).toBe(id);
    expect(subgraphs).toEqual([
      { name: 'a', url: 'http://a/graphql' },
      { name: 'b', url: 'http://b/graphql' },
    ]);
    expect(Object.keys(apiSchema.getTypeMap()).filter((name) => name.startsWith('join'))).toEqual([]);
    expect(apiSchema.getType('P')?.toConfig()).toMatchObject({ fields: { id: {}, n: {} } });
    expect(JSON.stringify(apiSchema.getType('P')?.toConfig())).not.toContain('secret');
  });

  it('of the first version of federation is read as well', () => {
    const { apiSchema, subgraphs } = read(`
      schema @core(feature: "https://specs.apollo.dev/core/v0.2") @core(feature: "https://specs.apollo.dev/join/v0.1", for: EXECUTION) { query: Query }
      directive @core(as: String, feature: String!, for: core__Purpose) repeatable on SCHEMA
      directive @join__field(graph: join__Graph, provides: join__FieldSet, requires: join__FieldSet) on FIELD_DEFINITION
      directive @join__graph(name: String!, url: String!) on ENUM_VALUE
      directive @join__owner(graph: join__Graph!) on INTERFACE | OBJECT
      directive @join__type(graph: join__Graph!, key: join__FieldSet) repeatable on INTERFACE | OBJECT
      scalar join__FieldSet
      enum core__Purpose { EXECUTION SECURITY }
      enum join__Graph { OLD @join__graph(name: "old", url: "http://old/") }
      type Query { p: P @join__field(graph: OLD) }
      type P @join__owner(graph: OLD) @join__type(graph: OLD, key: "id") { id: ID! @join__field(graph: OLD) }`);
    expect(subgraphs).toEqual([{ name: 'old', url: 'http://old/' }]);
    expect(apiSchema.getType('P')).toBeDefined();
  });

  it.each([
    ['no SDL', 'this is none'],
    ['the SDL of a subgraph', 'type Query { a: Int }'],
    ['an empty text', ''],
  ])('is refused with a reason when it is %s', (_what, sdl) => {
    expect(() => readSupergraph(sdl)).toThrow(SupergraphInvalid);
    expect(() => readSupergraph(sdl)).toThrow(/expected the SDL of a federation supergraph, but: ./);
  });

  it('is not composed of parts that do not fit, and every reason is told', () => {
    const clash = contract('c', 'type Query { p: P q: Int } type P @key(fields: "id") { id: ID! n: String }');
    const compose = () => composeSupergraph([A, B, clash]);
    expect(compose).toThrow(CompositionFailed);
    expect(compose).toThrow(/- .*Query\.p[^]*- .*P\.n/);
  });
});
