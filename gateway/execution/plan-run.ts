import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import type { SubgraphResponse, Transport } from '../transports/transport.js';
import type { FetchStep } from './compile-plan.js';
import type { Deferral } from './deferral.js';
import type { DataObject, ResponsePath } from './data.js';
import { visitPlaces, visitTargets } from './fetch-path.js';
import type { PossibleTypes } from './possible-types.js';
import type { Problems } from './problems.js';
import type { UpstreamFailure } from './upstream-error.js';

/** What became of one fetch. */
export type FetchOutcome = SubgraphResponse | { readonly failure: UpstreamFailure };

/** One run of a plan: what it reads and what it fills. */
export interface PlanRun {
  readonly data: DataObject;
  readonly problems: Problems;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly context: RequestContext;
  readonly signal: AbortSignal;
  readonly possibleTypes: PossibleTypes;
  readonly transportFor: (subgraph: string) => Transport;
  /** Objects that stand in several places of the response. */
  readonly shared: Set<DataObject>;
  /** Answers to queries that the plan asks more than once, by what is asked. */
  readonly answers: Map<string, Promise<FetchOutcome>>;
  /** The parts that come later; undefined when none does. */
  readonly deferral: Deferral | undefined;
  /** Whether objects of one entity may differ by where they stand, so that none may be in two places at once. */
  readonly dependsOnPlace: boolean;
}

/** The objects at the end of a fetch's path, each once, though one may have been merged into several places. */
export function collectTargets(step: FetchStep, run: PlanRun): readonly DataObject[] {
  const targets = new Set<DataObject>();
  visitPlaces(run.data, step.path, run, (object) => targets.add(object));
  return [...targets];
}

/** Where each object at the end of a fetch's path stands; an object that was merged into several places has several. */
export function locateTargets(
  step: FetchStep,
  run: PlanRun,
): ReadonlyMap<DataObject, readonly ResponsePath[]> {
  const places = new Map<DataObject, ResponsePath[]>();
  visitTargets(run.data, step.path, run.possibleTypes, (object, at) => {
    const known = places.get(object);
    if (known) known.push([...at]);
    else places.set(object, [[...at]]);
  });
  return places;
}

/** Notes that a fetch came to nothing for some objects. */
export function failTargets(
  { fields }: FetchStep,
  targets: readonly DataObject[],
  failure: UpstreamFailure,
  run: PlanRun,
): void {
  for (const target of targets) run.problems.addFor(target, { failure, fields });
}
