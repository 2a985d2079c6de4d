import type { FetchDataRewrite } from '@apollo/query-planner';

/** A variable of a fetch whose value is that of a field of an object above each entity. */
export interface ContextVariable {
  readonly name: string;
  /** How many objects to go up from the entity. */
  readonly up: number;
  /** From there on: names of fields, and types that objects must have. */
  readonly down: readonly ({ readonly field: string } | { readonly type: string })[];
}

const TYPE_CONDITION = '... on ';

/** Reads where a plan finds the values of contexts: `..` goes up from an entity, the rest goes down from there. */
export function compileContexts(rewrites: readonly FetchDataRewrite[]): readonly ContextVariable[] {
  return rewrites.flatMap((rewrite) => {
    if (rewrite.kind !== 'KeyRenamer') return [];
    const { path, renameKeyTo: name } = rewrite;
    const down = path
      .filter((step) => step !== '..')
      .map((step) =>
        step.startsWith(TYPE_CONDITION) ? { type: step.slice(TYPE_CONDITION.length) } : { field: step },
      );
    return [{ name, up: path.length - down.length, down }];
  });
}
