import { Kind, print, visit, type DirectiveNode, type DocumentNode, type ExecutionResult } from 'graphql';
import { isIncremental, type IncrementalResult } from '../../gateway/execution/incremental-result.js';

const DEFER: DirectiveNode = { kind: Kind.DIRECTIVE, name: { kind: Kind.NAME, value: 'defer' } };

/** The operation with all its fragments deferred, or those that are picked. */
export function deferFragments(document: DocumentNode, picks: () => boolean): string {
  const add = <Node extends { readonly directives?: readonly DirectiveNode[] }>(node: Node): Node =>
    picks() ? { ...node, directives: [...(node.directives ?? []), DEFER] } : node;
  return print(
    visit(document, { [Kind.INLINE_FRAGMENT]: { leave: add }, [Kind.FRAGMENT_SPREAD]: { leave: add } }),
  );
}

/** The whole response that the parts of one come to. */
export async function mergeParts(result: ExecutionResult | IncrementalResult): Promise<ExecutionResult> {
  if (!isIncremental(result)) return result;
  const data = structuredClone(result.initial.data);
  const errors = [...(result.initial.errors ?? [])];
  for await (const parts of result.parts) {
    for (const { part, data: fields, errors: more } of parts) {
      errors.push(...more);
      let target: unknown = data;
      for (const step of part.path) target = (target as Record<string | number, unknown>)[step];
      merge(target, fields);
    }
  }
  return { data: data ?? null, ...(errors.length > 0 && { errors }) };
}

function merge(target: unknown, source: unknown): void {
  if (!isObject(target) || !isObject(source)) return;
  for (const [key, value] of Object.entries(source)) {
    if (isObject(target[key]) && isObject(value)) merge(target[key], value);
    else target[key] = value;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
