import type { FetchDataRewrite } from '@apollo/query-planner';
import { isDataObject } from './data.js';
import type { PossibleTypes } from './possible-types.js';

const TYPE_CONDITION = '... on ';

/** Applies a plan's rewrites to what is sent to a subgraph, or to what came back from it, in place. */
export function applyRewrites(
  value: unknown,
  rewrites: readonly FetchDataRewrite[] | undefined,
  possibleTypes: PossibleTypes,
): void {
  for (const rewrite of rewrites ?? []) rewriteAt(value, rewrite, 0, possibleTypes);
}

function rewriteAt(
  value: unknown,
  rewrite: FetchDataRewrite,
  depth: number,
  possibleTypes: PossibleTypes,
): void {
  if (Array.isArray(value)) {
    for (const item of value) rewriteAt(item, rewrite, depth, possibleTypes);
    return;
  }
  const step = rewrite.path[depth];
  if (!isDataObject(value) || step === undefined) return;
  if (step.startsWith(TYPE_CONDITION)) {
    if (possibleTypes.meets(value['__typename'], step.slice(TYPE_CONDITION.length))) {
      rewriteAt(value, rewrite, depth + 1, possibleTypes);
    }
  } else if (depth < rewrite.path.length - 1) {
    rewriteAt(value[step], rewrite, depth + 1, possibleTypes);
  } else if (rewrite.kind === 'ValueSetter') {
    value[step] = rewrite.setValueTo;
  } else if (Object.hasOwn(value, step)) {
    value[rewrite.renameKeyTo] = value[step];
    Reflect.deleteProperty(value, step);
  }
}
