import type { GraphQLFormattedError } from 'graphql';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import type { SubgraphResponse, Transport } from '../transports/transport.js';
import type { FetchStep, PlanStep } from './compile-plan.js';
import { isDataObject, type DataObject } from './data.js';
import { visitTargets } from './fetch-path.js';
import { mergeInto } from './merge.js';
import type { PossibleTypes } from './possible-types.js';
import type { Problems } from './problems.js';
import { collectRepresentations, type Representations } from './representations.js';
import { applyRewrites } from './rewrites.js';
import { describeReported, describeUnreached, type UpstreamFailure } from './upstream-error.js';

/** One run of a plan: what it reads and what it fills. */
export interface PlanRun {
  readonly data: DataObject;
  readonly problems: Problems;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly context: RequestContext;
  readonly signal: AbortSignal;
  readonly possibleTypes: PossibleTypes;
  readonly transportFor: (subgraph: string) => Transport;
}

/** Runs a plan: the data grows, problems are noted, and nothing is thrown but CANCELLED and bugs. */
export async function runPlan(step: PlanStep | undefined, run: PlanRun): Promise<void> {
  if (!step) return;
  switch (step.kind) {
    case 'fetch':
      await (step.requires ? fetchEntities(step, step.requires, run) : fetchRootFields(step, run));
      return;
    case 'sequence':
      for (const child of step.steps) await runPlan(child, run);
      return;
    case 'parallel':
      await Promise.all(step.steps.map((child) => runPlan(child, run)));
      return;
    case 'condition':
      await runPlan(run.variables[step.variable] === true ? step.whenTrue : step.whenFalse, run);
  }
}

/** Picks the client's variables that a fetch uses. */
export function pickVariables(
  { variableUsages }: FetchStep,
  variables: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const name of variableUsages) if (Object.hasOwn(variables, name)) picked[name] = variables[name];
  return picked;
}

/** Takes what a subgraph answered about root fields into the data. */
export function mergeRootFields(step: FetchStep, response: SubgraphResponse, run: PlanRun): void {
  const { subgraph } = step.operation;
  const targets = collectTargets(step, run);
  if (isDataObject(response.data)) {
    applyRewrites(response.data, step.outputRewrites, run.possibleTypes);
    for (const target of targets) mergeInto(target, response.data);
  }
  for (const error of response.errors ?? []) {
    const failure = describeReported(error, subgraph);
    if (!error.path || error.path.length === 0) failTargets(step, targets, failure, run);
    else
      visitTargets(run.data, step.path, run.possibleTypes, (_object, at) => {
        run.problems.addAt([...at, ...(error.path ?? [])], failure);
      });
  }
}

async function fetchRootFields(step: FetchStep, run: PlanRun): Promise<void> {
  const response = await send(step, pickVariables(step, run.variables), run);
  if ('failure' in response) failTargets(step, collectTargets(step, run), response.failure, run);
  else mergeRootFields(step, response, run);
}

async function fetchEntities(
  step: FetchStep,
  requires: NonNullable<FetchStep['requires']>,
  run: PlanRun,
): Promise<void> {
  const representations = collectRepresentations(collectTargets(step, run), requires, {
    possibleTypes: run.possibleTypes,
    rewrite: (representation) => {
      applyRewrites(representation, step.inputRewrites, run.possibleTypes);
    },
  });
  noteIncomplete(step, representations, run);
  if (representations.values.length === 0) return;
  const variables = { ...pickVariables(step, run.variables), representations: representations.values };
  const response = await send(step, variables, run);
  if ('failure' in response) failTargets(step, representations.targets.flat(), response.failure, run);
  else mergeEntities(step, representations, response, run);
}

function mergeEntities(
  step: FetchStep,
  { targets }: Representations,
  response: SubgraphResponse,
  run: PlanRun,
): void {
  const entities = response.data?.['_entities'];
  if (Array.isArray(entities)) {
    applyRewrites(entities, step.outputRewrites, run.possibleTypes);
    for (const [index, entity] of entities.entries()) {
      if (!isDataObject(entity)) continue;
      for (const target of targets[index] ?? []) mergeInto(target, entity);
    }
  } else if (!response.errors || response.errors.length === 0) {
    const failure = describeReported(
      { message: 'expected a list of entities, got none.' },
      step.operation.subgraph,
    );
    failTargets(step, targets.flat(), failure, run);
  }
  if (!response.errors || response.errors.length === 0) return;
  const places = locate(step, run);
  for (const error of response.errors) noteEntityError(error, { step, targets, places, run });
}

interface EntityErrorPlace {
  readonly step: FetchStep;
  readonly targets: Representations['targets'];
  readonly places: ReadonlyMap<DataObject, readonly (readonly (string | number)[])[]>;
  readonly run: PlanRun;
}

/** An entity that several places wait for fails in each of them. */
function noteEntityError(
  error: GraphQLFormattedError,
  { step, targets, places, run }: EntityErrorPlace,
): void {
  const failure = describeReported(error, step.operation.subgraph);
  const [root, index, ...rest] = error.path ?? [];
  if (root !== '_entities' || typeof index !== 'number') {
    failTargets(step, targets.flat(), failure, run);
  } else if (rest.length === 0) {
    failTargets(step, targets[index] ?? [], failure, run);
  } else {
    for (const target of targets[index] ?? []) {
      for (const place of places.get(target) ?? []) run.problems.addAt([...place, ...rest], failure);
    }
  }
}

/** Sends one fetch; a subgraph that cannot be asked is an answer like any other, but a client that has left ends the run. */
async function send(
  step: FetchStep,
  variables: Record<string, unknown>,
  run: PlanRun,
): Promise<SubgraphResponse | { readonly failure: UpstreamFailure }> {
  const { operation } = step;
  try {
    const { context, signal } = run;
    return await run.transportFor(operation.subgraph).execute({ operation, variables, context, signal });
  } catch (error) {
    if (hasLeft(run.signal)) throw error;
    return { failure: describeUnreached(error, operation.subgraph) };
  }
}

/** Whether the client is gone. A deadline that has passed is something else: then it gets what is there. */
function hasLeft(signal: AbortSignal): boolean {
  return signal.aborted && !(signal.reason instanceof AegisError);
}

/** The objects at the end of a fetch's path, each once, though one may have been merged into several places. */
function collectTargets(step: FetchStep, run: PlanRun): readonly DataObject[] {
  const targets = new Set<DataObject>();
  visitTargets(run.data, step.path, run.possibleTypes, (object) => targets.add(object));
  return [...targets];
}

/** Where each object at the end of a fetch's path stands; an object that was merged into several places has several. */
function locate(
  step: FetchStep,
  run: PlanRun,
): ReadonlyMap<DataObject, readonly (readonly (string | number)[])[]> {
  const places = new Map<DataObject, (readonly (string | number)[])[]>();
  visitTargets(run.data, step.path, run.possibleTypes, (object, at) => {
    places.set(object, [...(places.get(object) ?? []), [...at]]);
  });
  return places;
}

function failTargets(
  step: FetchStep,
  targets: readonly DataObject[],
  failure: UpstreamFailure,
  run: PlanRun,
): void {
  for (const target of targets) run.problems.addFor(target, { failure, fields: step.fields });
}

/** An object without the fields that a fetch needs: because an earlier fetch failed, or because a subgraph left them out. */
function noteIncomplete(step: FetchStep, { incomplete }: Representations, run: PlanRun): void {
  const { subgraph } = step.operation;
  for (const { object, missing } of incomplete) {
    const failure = run.problems.reasonFor(object, missing) ?? {
      message: `subgraph ${subgraph} needs the field ${missing}, which no subgraph has given.`,
      extensions: { code: 'UPSTREAM_FAILED', retryable: false, subgraph },
    };
    failTargets(step, [object], failure, run);
  }
}
