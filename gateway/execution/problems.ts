import type { DataObject, ResponsePath } from './data.js';
import type { UpstreamFailure } from './upstream-error.js';

/** A subgraph's error that named its field. */
export interface LocatedFailure {
  readonly failure: UpstreamFailure;
  readonly path: ResponsePath;
}

/** A fetch that came to nothing for an object, and the response names that it should have brought. */
export interface FailedFetch {
  readonly failure: UpstreamFailure;
  readonly fields: ReadonlySet<string>;
}

/** What went wrong while a plan ran, kept until the response is shaped and it is known which fields it concerns. */
export interface Problems {
  /** A field of the response failed, as its subgraph said. */
  addAt(path: ResponsePath, failure: UpstreamFailure): void;
  /** A fetch that should have completed an object failed. */
  addFor(object: DataObject, failed: FailedFetch): void;
  readonly located: readonly LocatedFailure[];
  /** What had gone wrong for the parts of the response that came before. */
  readonly earlier: Problems | undefined;
  /** Whether nothing has gone wrong. */
  readonly none: boolean;
  /** Why a field of an object is missing, if a fetch for the object failed. */
  reasonFor(object: DataObject, field: string): UpstreamFailure | undefined;
  /** Whether a fetch for an object failed. */
  concerns(object: DataObject): boolean;
  /** An object has come into the response whole. */
  complete(object: DataObject): void;
  /** What subgraphs reported for objects of the response, and {@link reasonFor} has given for no field: each once. */
  rest(): readonly UpstreamFailure[];
}

/**
 * Nothing has gone wrong yet.
 *
 * @param earlier what has gone wrong for the parts of the response that came before: the reason of what is missing here
 * may be there.
 */
export function createProblems(earlier?: Problems): Problems {
  const located: LocatedFailure[] = [];
  const byObject = new Map<DataObject, FailedFetch[]>();
  const told = new Set<UpstreamFailure>();
  const ofComplete = new Set<UpstreamFailure>();
  return {
    addAt: (path, failure) => {
      located.push({ path, failure });
    },
    addFor(object, failed) {
      const earlier = byObject.get(object);
      if (earlier) earlier.push(failed);
      else byObject.set(object, [failed]);
    },
    located,
    earlier,
    get none() {
      return located.length === 0 && byObject.size === 0;
    },
    reasonFor(object, field) {
      const failure = byObject.get(object)?.find(({ fields }) => fields.has(field))?.failure;
      if (failure) told.add(failure);
      return failure ?? earlier?.reasonFor(object, field);
    },
    concerns: (object) => (byObject.size > 0 && byObject.has(object)) || (earlier?.concerns(object) ?? false),
    complete(object) {
      for (const { failure } of byObject.get(object) ?? []) if (failure.reported) ofComplete.add(failure);
    },
    rest() {
      if (ofComplete.size === 0) return [];
      const untold = [...ofComplete].filter((failure) => !told.has(failure));
      for (const failure of untold) told.add(failure);
      return untold;
    },
  };
}
