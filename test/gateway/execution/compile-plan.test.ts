import { describe, expect, it } from '@jest/globals';
import type { FetchNode, PlanNode } from '@apollo/query-planner';
import { OperationTypeNode } from 'graphql';
import { compilePlan, type PlanStep } from '../../../gateway/execution/compile-plan.js';

function fetchOf(operation: string, more: Partial<FetchNode> = {}): FetchNode {
  const operationKind = OperationTypeNode.QUERY;
  const operationName = undefined;
  return Object.assign(
    { kind: 'Fetch' as const, serviceName: 'shop', operation, operationName, operationKind },
    more,
  );
}

function compile(node: PlanNode): PlanStep {
  const { root } = compilePlan({ kind: 'QueryPlan', node });
  if (!root) throw new Error('a step');
  return root;
}

describe('compiling a plan', () => {
  it('makes nothing of an empty plan', () => {
    expect(compilePlan({ kind: 'QueryPlan' })).toEqual({
      source: undefined,
      root: undefined,
      hasContexts: false,
    });
  });

  it('puts the paths of nested parts together', () => {
    const step = compile({
      kind: 'Flatten',
      path: ['a', '@'],
      node: { kind: 'Flatten', path: ['b'], node: fetchOf('{ x }') },
    });
    expect(step).toMatchObject({ kind: 'fetch', path: [{ key: 'a' }, { key: 'b' }] });
  });

  it('keeps sequences, parallel parts and conditions', () => {
    const step = compile({
      kind: 'Sequence',
      nodes: [
        { kind: 'Parallel', nodes: [fetchOf('{ x }'), fetchOf('{ y }')] },
        { kind: 'Condition', condition: 'if', elseClause: fetchOf('{ z }') },
      ],
    });
    expect(step).toMatchObject({
      kind: 'sequence',
      steps: [
        { kind: 'parallel', steps: [{ kind: 'fetch' }, { kind: 'fetch' }] },
        { kind: 'condition', variable: 'if', whenTrue: undefined, whenFalse: { kind: 'fetch' } },
      ],
    });
  });

  it('knows the response names that a fetch brings, through fragments, aliases and renamings', () => {
    const text =
      'query ($representations: [_Any!]!) { _entities(representations: $representations) { ... on P { a b: x ...F } } } fragment F on P { c { d } k__alias_0: e }';
    const requires: FetchNode['requires'] = [{ kind: 'Field', name: 'id' }];
    const outputRewrites: FetchNode['outputRewrites'] = [
      { kind: 'KeyRenamer', path: ['... on P', 'k__alias_0'], renameKeyTo: 'k' },
    ];
    const step = compile(fetchOf(text, { requires, outputRewrites }));
    if (step.kind !== 'fetch') throw new Error('a fetch');
    expect([...step.fields].sort()).toEqual(['a', 'b', 'c', 'k', 'k__alias_0']);
  });

  it('reads a subscription as its source and what completes its events', () => {
    const primary = fetchOf('subscription { x { id } }', {
      operationKind: OperationTypeNode.SUBSCRIPTION,
    });
    const rest: PlanNode = { kind: 'Flatten', path: ['x'], node: fetchOf('{ y }') };
    const { source, root } = compilePlan({
      kind: 'QueryPlan',
      node: { kind: 'Subscription', primary, rest },
    });
    expect(source?.operation.text).toBe('subscription { x { id } }');
    expect(root).toMatchObject({ kind: 'fetch', path: [{ key: 'x' }] });
  });

  it('refuses a plan that it would execute wrongly', () => {
    expect(() => compile({ kind: 'Defer', primary: {}, deferred: [] })).toThrow('deferred');
  });
});
