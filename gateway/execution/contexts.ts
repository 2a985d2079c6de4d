import type { FetchDataRewrite } from '@apollo/query-planner';
import { isDataObject, valueOf, type DataObject } from './data.js';
import { visitTargets } from './fetch-path.js';
import type { FetchStep } from './compile-plan.js';
import type { PlanRun } from './plan-run.js';
import type { PossibleTypes } from './possible-types.js';

/** A variable of a fetch whose value is that of a field of an object above each entity. */
export interface ContextVariable {
  readonly name: string;
  /** How many objects to go up from the entity. */
  readonly up: number;
  /** From there on: names of fields, and types that objects must have. */
  readonly down: readonly ({ readonly field: string } | { readonly type: string })[];
}

/** Entities that one request can ask for, because their variables have the same values. */
export interface ContextGroup {
  readonly objects: readonly DataObject[];
  readonly variables: Readonly<Record<string, unknown>>;
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

/** The objects at the end of a fetch's path, by the values that the variables of the fetch have for them. */
export function groupByContext(
  step: FetchStep,
  contexts: readonly ContextVariable[],
  run: PlanRun,
): readonly ContextGroup[] {
  const groups = new Map<string, { objects: DataObject[]; variables: Record<string, unknown> }>();
  visitTargets(run.data, step.path, run.possibleTypes, (object, _at, ancestors) => {
    const variables = readContexts(contexts, [...ancestors, object], run.possibleTypes);
    const identity = JSON.stringify(variables);
    const group = groups.get(identity) ?? { objects: [], variables };
    groups.set(identity, group);
    group.objects.push(object);
  });
  return [...groups.values()];
}

/**
 * Reads the values of variables.
 *
 * @param objects an entity and the objects that it is inside of, from the root on.
 */
function readContexts(
  contexts: readonly ContextVariable[],
  objects: readonly DataObject[],
  possibleTypes: PossibleTypes,
): Record<string, unknown> {
  const variables: Record<string, unknown> = {};
  for (const { name, up, down } of contexts) {
    let value: unknown = objects.at(-1 - up);
    for (const step of down) {
      if (!isDataObject(value)) break;
      if ('field' in step) value = valueOf(value, step.field);
      else if (!possibleTypes.meets(value['__typename'], step.type)) value = undefined;
    }
    // A context that several types set is several ways to one variable.
    if (value !== undefined) variables[name] = value;
  }
  return variables;
}
