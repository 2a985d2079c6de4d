import { setValue, type DataObject } from './data.js';
import { visitPlaces, type FetchPath } from './fetch-path.js';
import type { PlanRun } from './plan-run.js';
import { MissingField, type RepresentationWriter } from './representations.js';

/** The entities that one fetch asks a subgraph for: each once, however many places wait for it. */
export interface EntityBatch {
  /** Their representations as JSON text. */
  readonly representations: readonly string[];
  /** For each of them, the objects of the response that it completes. */
  readonly targets: readonly (readonly DataObject[])[];
  /** Objects for which no representation could be made. */
  readonly incomplete: readonly IncompleteObject[];
}

/** An object that lacks what its representation needs. */
export interface IncompleteObject {
  readonly object: DataObject;
  readonly missing: MissingField;
}

/** Makes an empty batch, and what adds an object to it: an equal one that was added before, or else undefined. */
function openBatch(write: RepresentationWriter, { possibleTypes }: Pick<PlanRun, 'possibleTypes'>) {
  const representations: string[] = [];
  const targets: DataObject[][] = [];
  const incomplete: IncompleteObject[] = [];
  const waitingByText = new Map<string, DataObject[]>();

  /** The objects that wait for the same entity, this one not yet among them. */
  function findWaiting(object: DataObject): DataObject[] | undefined {
    const text = write(object, possibleTypes);
    if (text === undefined) return undefined;
    if (text instanceof MissingField) {
      incomplete.push({ object, missing: text });
      return undefined;
    }
    const known = waitingByText.get(text);
    if (known) return known;
    const waiting: DataObject[] = [];
    waitingByText.set(text, waiting);
    representations.push(text);
    targets.push(waiting);
    return waiting;
  }

  return { batch: { representations, targets, incomplete }, findWaiting };
}

/** The entities that some objects are, each object given once. */
export function batchObjects(
  objects: readonly DataObject[],
  write: RepresentationWriter,
  run: Pick<PlanRun, 'possibleTypes'>,
): EntityBatch {
  const { batch, findWaiting } = openBatch(write, run);
  for (const object of objects) findWaiting(object)?.push(object);
  return batch;
}

/**
 * The entities at the end of a path. Places of the response that hold the same of one entity are given one object from
 * now on, so that whatever follows is done once for all of them: fetched, merged and written.
 */
export function batchPlaces(path: FetchPath, write: RepresentationWriter, run: PlanRun): EntityBatch {
  const { batch, findWaiting } = openBatch(write, run);
  const seen = new Set<DataObject>();
  visitPlaces(run.data, path, run, (object, holder, key) => {
    if (seen.has(object)) return;
    seen.add(object);
    const waiting = findWaiting(object);
    if (!waiting) return;
    const same = run.dependsOnPlace ? undefined : waiting.find((other) => isSame(object, other, run));
    if (same && holder) {
      setValue(holder as DataObject, String(key), same);
      run.shared.add(same);
    } else waiting.push(object);
  });
  return batch;
}

/** Whether two objects hold the same, and nothing has gone wrong for only one of them. */
function isSame(one: DataObject, other: DataObject, { problems }: PlanRun): boolean {
  if (problems.concerns(one) || problems.concerns(other)) return false;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}
