import { describe, expect, it } from '@jest/globals';
import type { QueryPlanSelectionNode } from '@apollo/query-planner';
import { buildSchema } from 'graphql';
import type { DataObject } from '../../../gateway/execution/data.js';
import { createPossibleTypes } from '../../../gateway/execution/possible-types.js';
import { findTypes } from '../../../gateway/supergraph/find-types.js';
import { collectRepresentations } from '../../../gateway/execution/representations.js';

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

function collect(objects: readonly DataObject[], requires: readonly QueryPlanSelectionNode[] = PRODUCT) {
  return collectRepresentations(objects, requires, { possibleTypes, rewrite: () => undefined });
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
    expect(collect([...objects], nested).incomplete.map(({ missing }) => missing)).toEqual([
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

  it('are rewritten before they are compared', () => {
    const objects = ['Product', 'Other'].map((__typename) => ({ __typename, id: '1' }));
    const requires = [...PRODUCT, on('Other', field('__typename'), field('id'))];
    const { values } = collectRepresentations(objects, requires, {
      possibleTypes,
      rewrite: (representation) => {
        representation['__typename'] = 'Node';
      },
    });
    expect(values).toEqual([{ __typename: 'Node', id: '1' }]);
  });

  it('do not take what every object inherits for a field', () => {
    const requires = [on('Product', field('__typename'), field('constructor'))];
    expect(collect([{ __typename: 'Product' }], requires).incomplete).toHaveLength(1);
  });
});
