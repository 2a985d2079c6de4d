import type { FetchDataRewrite } from '@apollo/query-planner';
import { isDataObject, setValue, valueOf, type ResponsePath } from './data.js';
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
    rewriteAt(valueOf(value, step), rewrite, depth + 1, possibleTypes);
  } else if (rewrite.kind === 'ValueSetter') {
    value[step] = rewrite.setValueTo;
  } else if (Object.hasOwn(value, step)) {
    setValue(value, rewrite.renameKeyTo, value[step]);
    Reflect.deleteProperty(value, step);
  }
}

/**
 * Puts rewrites into an order in which each finds what it names: those inside an object before the one that renames the
 * object.
 */
export function innermostFirst(
  rewrites: readonly FetchDataRewrite[] | undefined,
): readonly FetchDataRewrite[] | undefined {
  return rewrites && [...rewrites].sort((a, b) => b.path.length - a.path.length);
}

/** Writes an error's path, which a subgraph gave in the names of its fetch, in the names of the response. */
export function renamePath(
  path: ResponsePath,
  rewrites: readonly FetchDataRewrite[] | undefined,
): ResponsePath {
  if (!rewrites) return path;
  const renamed = [...path];
  const places = path.flatMap((element, place) => (typeof element === 'string' ? [place] : []));
  for (const rewrite of rewrites) {
    if (rewrite.kind !== 'KeyRenamer') continue;
    const names = rewrite.path.filter((step) => !step.startsWith(TYPE_CONDITION));
    const place = places[names.length - 1];
    if (place !== undefined && names.every((name, index) => path[places[index] ?? -1] === name)) {
      renamed[place] = rewrite.renameKeyTo;
    }
  }
  return renamed;
}
