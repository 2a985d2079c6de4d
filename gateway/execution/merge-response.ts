import type { GraphQLFormattedError } from 'graphql';
import type { SubgraphResponse } from '../transports/transport.js';
import { callOf, type FetchStep } from './compile-plan.js';
import { isDataObject, type DataObject } from './data.js';
import { mergeInto, type MergeRules } from './merge.js';
import { collectTargets, failTargets, locateTargets, type PlanRun } from './plan-run.js';
import type { EntityBatch } from './entities.js';
import { applyRewrites, renamePath } from './rewrites.js';
import { describeBreach, describeReported } from './upstream-error.js';

/** Takes what a subgraph answered about root fields into the data. */
export function mergeRootFields(step: FetchStep, response: SubgraphResponse, run: PlanRun): void {
  const targets = collectTargets(step, run);
  if (response.data) {
    applyRewrites(response.data, step.outputRewrites, run.possibleTypes);
    const rules = rulesFor(step, run);
    for (const target of targets) mergeInto(target, response.data, rules);
  }
  if (!response.errors || response.errors.length === 0) return;
  const places = [...locateTargets(step, run).values()].flat();
  for (const error of response.errors) {
    const failure = describeReported(error, callOf(step));
    const path = renamePath(error.path ?? [], step.outputRewrites);
    if (path.length === 0) failTargets(step, targets, failure, run);
    else for (const place of places) run.problems.addAt([...place, ...path], failure);
  }
}

/**
 * Takes the entities that a subgraph answered into the objects that wait for them.
 *
 * @param targets for each representation that was sent, the objects that it stands for.
 */
export function mergeEntities(
  step: FetchStep,
  targets: EntityBatch['targets'],
  response: SubgraphResponse,
  run: PlanRun,
): void {
  const { errors = [] } = response;
  const entities = response.data?.['_entities'];
  if (!Array.isArray(entities)) {
    failAll(step, targets.flat(), errors, run);
    return;
  }
  mergeEach(step, targets, entities, run);
  if (errors.length === 0) return;
  const places = locateTargets(step, run);
  for (const error of errors) noteEntityError(error, { step, targets, places, run });
}

/** No entity came at all. Errors say why; without any, the subgraph does not do what every subgraph must. */
function failAll(
  step: FetchStep,
  targets: readonly DataObject[],
  errors: readonly GraphQLFormattedError[],
  run: PlanRun,
): void {
  if (errors.length === 0) breach(step, targets, 'expected a list of entities, got none.', run);
  for (const error of errors) failTargets(step, targets, describeReported(error, callOf(step)), run);
}

function mergeEach(
  step: FetchStep,
  targets: EntityBatch['targets'],
  entities: readonly unknown[],
  run: PlanRun,
): void {
  applyRewrites(entities, step.outputRewrites, run.possibleTypes);
  const rules = rulesFor(step, run);
  for (const [index, waiting] of targets.entries()) {
    const entity = entities[index];
    if (isDataObject(entity)) {
      for (const [number, target] of waiting.entries()) {
        const own = run.dependsOnPlace && number > 0 ? structuredClone(entity) : entity;
        mergeInto(target, own, rules);
      }
    } else if (entity !== null) breach(step, waiting, 'expected an entity or null, got neither.', run);
  }
}

interface EntityErrorPlace {
  readonly step: FetchStep;
  readonly targets: EntityBatch['targets'];
  readonly places: ReturnType<typeof locateTargets>;
  readonly run: PlanRun;
}

/** An entity that several places wait for fails in each of them. */
function noteEntityError(
  error: GraphQLFormattedError,
  { step, targets, places, run }: EntityErrorPlace,
): void {
  const failure = describeReported(error, callOf(step));
  const [root, index, ...rest] = error.path ?? [];
  if (root !== '_entities' || typeof index !== 'number') {
    failTargets(step, targets.flat(), failure, run);
  } else if (rest.length === 0) {
    failTargets(step, targets[index] ?? [], failure, run);
  } else {
    const path = renamePath(rest, step.outputRewrites);
    for (const target of targets[index] ?? []) {
      for (const place of places.get(target) ?? []) run.problems.addAt([...place, ...path], failure);
    }
  }
}

function rulesFor(step: FetchStep, run: PlanRun): MergeRules {
  return {
    isObjectType: run.possibleTypes.isObjectType,
    onListMismatch(kept, lost, owner) {
      const message = `it gave a list of ${lost.length} items where another subgraph gave ${kept.length}, so they cannot be matched.`;
      const failure = describeBreach(message, step.operation.subgraph, 'SHAREABLE_LIST_MISMATCH');
      const fields = new Set(lost.flatMap((item) => (isDataObject(item) ? Object.keys(item) : [])));
      const objects = kept.filter(isDataObject);
      for (const item of objects) run.problems.addFor(item, { failure, fields });
      // No item misses a field, and yet something is lost: that is told without a place.
      if (objects.length === 0)
        run.problems.addFor(owner, { failure: { ...failure, reported: true }, fields: new Set() });
    },
  };
}

function breach(step: FetchStep, targets: readonly DataObject[], message: string, run: PlanRun): void {
  failTargets(step, targets, describeBreach(message, step.operation.subgraph), run);
}
