import { describe, expect, it } from '@jest/globals';
import type { FetchNode, PlanNode } from '@apollo/query-planner';
import { OperationTypeNode, parse, print } from 'graphql';
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
      hasDeferred: false,
      awaitedFetches: new Map(),
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

  it('parses the text of a fetch for whoever asks, once', () => {
    const step = compile(fetchOf('{ x }'));
    if (step.kind !== 'fetch') throw new Error('a fetch');
    expect(print(step.operation.document)).toBe(print(parse('{ x }')));
    expect(step.operation.document).toBe(step.operation.document);
  });

  it('refuses arguments from a context that belong to no entity', () => {
    const contextRewrites: FetchNode['contextRewrites'] = [
      { kind: 'KeyRenamer', path: ['..', 'x'], renameKeyTo: 'contextualArgument_1' },
    ];
    expect(() => compile(fetchOf('{ x }', { contextRewrites }))).toThrow('context');
  });
});

describe('compiling a plan with deferred parts', () => {
  const node: PlanNode = {
    kind: 'Defer',
    primary: { node: fetchOf('{ x }', { id: '1' }) },
    deferred: [
      {
        depends: [{ id: '1' }],
        label: 'p',
        queryPath: ['x'],
        node: { kind: 'Flatten', path: ['x'], node: fetchOf('{ y }', { id: '2' }) },
      },
      { depends: [{ id: '1' }, { id: '2' }], label: 'q', queryPath: ['x'] },
    ],
  };

  it('knows what each part waits for, and how many fetches there are of that', () => {
    const plan = compilePlan({ kind: 'QueryPlan', node });
    expect(plan).toMatchObject({
      hasDeferred: true,
      awaitedFetches: new Map(Object.entries({ 1: 1, 2: 1 })),
    });
    expect(plan.root).toMatchObject({
      kind: 'defer',
      primary: { kind: 'fetch', id: '1' },
      deferred: [
        { label: 'p', depends: ['1'], step: { kind: 'fetch', id: '2', path: [{ key: 'x' }] } },
        { label: 'q', depends: ['1', '2'], step: undefined },
      ],
    });
  });

  it('has no part wait for a fetch of its own', () => {
    const part = { label: 'p', queryPath: [], node: fetchOf('{ y }', { id: '2' }) };
    const step = compile({
      kind: 'Defer',
      primary: { node: fetchOf('{ x }', { id: '1' }) },
      deferred: [{ ...part, depends: [{ id: '1' }, { id: '2' }] }],
    });
    expect(step).toMatchObject({ deferred: [{ depends: ['1'] }] });
  });

  it('counts the fetches of one name that different conditions may lead to', () => {
    const clause = (text: string) => fetchOf(text, { id: '1' });
    const condition: PlanNode = {
      kind: 'Condition',
      condition: 'if',
      ifClause: clause('{ x }'),
      elseClause: clause('{ y }'),
    };
    const { awaitedFetches } = compilePlan({
      kind: 'QueryPlan',
      node: {
        kind: 'Defer',
        primary: { node: condition },
        deferred: [{ depends: [{ id: '1' }], label: 'p', queryPath: [] }],
      },
    });
    expect([...awaitedFetches]).toEqual([['1', 2]]);
  });

  it('may have nothing to fetch first', () => {
    expect(compile({ kind: 'Defer', primary: {}, deferred: [] })).toEqual({
      kind: 'defer',
      primary: undefined,
      deferred: [],
    });
  });
});
