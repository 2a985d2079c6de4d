import { describe, expect, it } from '@jest/globals';
import type { FetchDataRewrite, QueryPlanSelectionNode } from '@apollo/query-planner';
import fc from 'fast-check';
import { buildSchema } from 'graphql';
import type { DataObject } from '../../../gateway/execution/data.js';
import { createPossibleTypes } from '../../../gateway/execution/possible-types.js';
import { batchObjects } from '../../../gateway/execution/entities.js';
import { compileRepresentation } from '../../../gateway/execution/representations.js';
import { findTypes } from '../../../gateway/supergraph/find-types.js';

const possibleTypes = createPossibleTypes(
  findTypes(
    buildSchema(
      'type Query { p: Product } type Product { id: ID } type Other { id: ID } interface Node { id: ID } type Leaf implements Node { id: ID }',
    ),
  ),
);

const field = (name: string, ...selections: QueryPlanSelectionNode[]): QueryPlanSelectionNode =>
  selections.length > 0 ? { kind: 'Field', name, selections } : { kind: 'Field', name };
const on = (typeCondition: string, ...selections: QueryPlanSelectionNode[]): QueryPlanSelectionNode => ({
  kind: 'InlineFragment',
  typeCondition,
  selections,
});
const PRODUCT = [on('Product', field('__typename'), field('id'))];

function collect(
  objects: readonly DataObject[],
  requires: readonly QueryPlanSelectionNode[] = PRODUCT,
  rewrites: readonly FetchDataRewrite[] = [],
) {
  const write = compileRepresentation(requires, rewrites);
  const { representations, targets, incomplete } = batchObjects(objects, write, { possibleTypes });
  return { values: representations.map((text) => JSON.parse(text) as unknown), targets, incomplete };
}

describe('representations', () => {
  it('stand once for all objects that are the same entity, and know which', () => {
    const [a, b, again] = ['1', '2', '1'].map((id) => ({
      __typename: 'Product',
      id,
      name: `a name of ${id}`,
    }));
    if (!a || !b || !again) throw new Error('three objects');
    const { values, targets, incomplete } = collect([a, b, again]);
    expect(values).toEqual([
      { __typename: 'Product', id: '1' },
      { __typename: 'Product', id: '2' },
    ]);
    expect(targets[0]?.[0]).toBe(a);
    expect(targets[0]?.[1]).toBe(again);
    expect(targets[1]).toEqual([b]);
    expect(incomplete).toEqual([]);
  });

  it.each(['', 0, false, null])('take %j as a key like any other', (id) => {
    expect(collect([{ __typename: 'Product', id }]).values).toEqual([{ __typename: 'Product', id }]);
  });

  it('tell keys of different types apart', () => {
    const objects = [1, '1', true, 'true'].map((id) => ({ __typename: 'Product', id }));
    expect(collect(objects).values).toHaveLength(4);
  });

  it('cannot be made without a field, at whatever depth, and say which', () => {
    const nested = [on('Product', field('__typename'), field('maker', field('country', field('code'))))];
    const objects = [
      { __typename: 'Product' },
      { __typename: 'Product', maker: { country: {} } },
      { __typename: 'Product', maker: { country: [{ code: 1 }, {}] } },
      { id: '1' },
    ];
    expect(collect([...objects], nested).incomplete.map(({ missing }) => missing.key)).toEqual([
      'maker',
      'code',
      'code',
      '__typename',
    ]);
    expect(collect(objects, nested).values).toEqual([]);
  });

  it('hold lists in lists, and nulls where there are nulls', () => {
    const requires = [on('Product', field('__typename'), field('boxes', field('size')))];
    const boxes = [[{ size: 1, label: 'x' }, null], null, []];
    expect(collect([{ __typename: 'Product', boxes }], requires).values).toEqual([
      { __typename: 'Product', boxes: [[{ size: 1 }, null], null, []] },
    ]);
  });

  it('leave out objects for whose type nothing is required', () => {
    expect(collect([{ __typename: 'Other', id: '1' }])).toEqual({ values: [], targets: [], incomplete: [] });
  });

  it('join what several fragments ask of one type, interfaces among them', () => {
    const requires = [
      on('Leaf', field('__typename'), field('id')),
      on('Node', field('__typename'), field('size')),
    ];
    expect(collect([{ __typename: 'Leaf', id: 1, size: 2 }], requires).values).toEqual([
      { __typename: 'Leaf', id: 1, size: 2 },
    ]);
  });

  it('say the type that the subgraph knows them by before they are compared', () => {
    const objects = ['Leaf', 'Leaf'].map((__typename) => ({ __typename, id: '1' }));
    const requires = [on('Leaf', field('__typename'), field('id'))];
    const { values } = collect(objects, requires, [
      { kind: 'ValueSetter', path: ['... on Node', '__typename'], setValueTo: 'Node' },
    ]);
    expect(values).toEqual([{ __typename: 'Node', id: '1' }]);
  });

  it('are refused when a plan would rewrite anything else in them', () => {
    const rewrite: FetchDataRewrite = { kind: 'KeyRenamer', path: ['id'], renameKeyTo: 'other' };
    expect(() => compileRepresentation(PRODUCT, [rewrite])).toThrow('at id, which is not executed');
  });

  it('are the JSON that the engine would write, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.double(), fc.boolean(), fc.jsonValue()),
        (id) => {
          const write = compileRepresentation(PRODUCT, []);
          const text = write({ __typename: 'Product', id }, possibleTypes);
          expect(text).toBe(JSON.stringify({ __typename: 'Product', id }));
        },
      ),
    );
  });

  it('do not take what every object inherits for a field', () => {
    const requires = [on('Product', field('__typename'), field('constructor'))];
    expect(collect([{ __typename: 'Product' }], requires).incomplete).toHaveLength(1);
  });
});
