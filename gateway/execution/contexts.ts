import type { FetchStep } from './compile-plan.js';
import type { ContextVariable } from './context-variables.js';
import { isDataObject, valueOf, type DataObject } from './data.js';
import { visitTargets } from './fetch-path.js';
import type { PlanRun } from './plan-run.js';
import type { PossibleTypes } from './possible-types.js';

/** Entities that one request can ask for, because their variables have the same values. */
export interface ContextGroup {
  readonly objects: readonly DataObject[];
  readonly variables: Readonly<Record<string, unknown>>;
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
