import { isDataObject, setValue, type DataObject } from './data.js';
import { visitPlaces, type FetchPath } from './fetch-path.js';
import type { PlanRun } from './plan-run.js';
import type { Problems } from './problems.js';
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
  /** Looking each object up would cost more than all the rest: nearly all of them are alone, or the first that waits. */
  const others = new Set<DataObject>();
  visitPlaces(run.data, path, run, (object, holder, key) => {
    const waiting = findWaiting(object);
    const first = waiting?.[0];
    if (object === first || others.has(object)) return;
    if (first && holder && !run.dependsOnPlace && isSame(object, first, run.problems)) {
      setValue(holder as DataObject, String(key), first);
      run.shared.add(first);
      return;
    }
    if (first) others.add(object);
    waiting?.push(object);
  });
  return batch;
}

/** Whether two values hold the same at every depth, and nothing has gone wrong for only one of them. */
function isSame(one: unknown, other: unknown, problems: Problems): boolean {
  if (one === other) return true;
  if (Array.isArray(one)) return Array.isArray(other) && isSameList(one, other, problems);
  return isDataObject(one) && isDataObject(other) && isSameObject(one, other, problems);
}

function isSameList(one: readonly unknown[], other: readonly unknown[], problems: Problems): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index += 1) {
    if (!isSame(one[index], other[index], problems)) return false;
  }
  return true;
}

/** Walks the fields without listing them: of all that is done for an object, this is done most often. */
function isSameObject(one: DataObject, other: DataObject, problems: Problems): boolean {
  if (problems.concerns(one) || problems.concerns(other)) return false;
  let more = 0;
  for (const key in one) {
    if (!isSame(one[key], other[key], problems)) return false;
    more += 1;
  }
  for (const key in other) if (Object.hasOwn(other, key)) more -= 1;
  return more === 0;
}
