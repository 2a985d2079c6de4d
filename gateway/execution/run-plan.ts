import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { SubgraphRequest } from '../transports/transport.js';
import { callOf, type DeferredStep, type FetchStep, type PlanStep } from './compile-plan.js';
import { groupByContext } from './contexts.js';
import { batchObjects, batchPlaces, type EntityBatch } from './entities.js';
import { mergeEntities, mergeRootFields } from './merge-response.js';
import { collectTargets, failTargets, type FetchOutcome, type PlanRun } from './plan-run.js';
import type { RepresentationWriter } from './representations.js';
import { describeBreach, describeUnreached, type UpstreamFailure } from './upstream-error.js';

/** Runs a plan: the data grows, problems are noted, and nothing is thrown but that the client has left, and bugs. */
export async function runPlan(step: PlanStep | undefined, run: PlanRun): Promise<void> {
  if (!step) return;
  switch (step.kind) {
    case 'fetch':
      await runFetch(step, run);
      return;
    case 'sequence':
      for (const child of step.steps) await runPlan(child, run);
      return;
    case 'parallel':
      await Promise.all(step.steps.map((child) => runPlan(child, run)));
      return;
    case 'condition':
      await runPlan(run.variables[step.variable] === true ? step.whenTrue : step.whenFalse, run);
      return;
    case 'defer':
      beginParts(step.deferred, run);
      await runPlan(step.primary, run);
  }
}

async function runFetch(step: FetchStep, run: PlanRun): Promise<void> {
  await (step.represent ? fetchEntities(step, step.represent, run) : fetchRootFields(step, run));
  if (step.id !== undefined) run.deferral?.arrived(step.id);
}

/** Parts that come later fill the same data, and keep what goes wrong to themselves. */
function beginParts(parts: readonly DeferredStep[], run: PlanRun): void {
  for (const part of parts) {
    run.deferral?.begin(part, run.problems, (problems) => runPlan(part.step, { ...run, problems }));
  }
}

/** Picks the client's variables that a fetch uses. */
export function pickVariables(
  step: FetchStep,
  variables: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const { name, from } of step.variables) {
    if (Object.hasOwn(variables, from)) picked[name] = variables[from];
  }
  return picked;
}

async function fetchRootFields(step: FetchStep, run: PlanRun): Promise<void> {
  const targets = collectTargets(step, run);
  // The way to them ended in nulls.
  if (targets.length === 0) return;
  const outcome = await send(step, { variables: pickVariables(step, run.variables) }, run);
  if ('failure' in outcome) failTargets(step, targets, outcome.failure, run);
  else mergeRootFields(step, outcome, run);
}

async function fetchEntities(step: FetchStep, represent: RepresentationWriter, run: PlanRun): Promise<void> {
  const { contexts } = step;
  if (!contexts) {
    await fetchBatch(step, batchPlaces(step.path, represent, run), {}, run);
    return;
  }
  const groups = groupByContext(step, contexts, run).map(({ objects, variables }) =>
    fetchBatch(step, batchObjects(objects, represent, run), variables, run),
  );
  await Promise.all(groups);
}

async function fetchBatch(
  step: FetchStep,
  batch: EntityBatch,
  fromContexts: Readonly<Record<string, unknown>>,
  run: PlanRun,
): Promise<void> {
  const { representations, targets } = batch;
  noteIncomplete(step, batch, run);
  if (representations.length === 0) return;
  const variables = { ...pickVariables(step, run.variables), ...fromContexts };
  const outcome = await send(step, { variables, representations }, run);
  if ('failure' in outcome) failTargets(step, targets.flat(), outcome.failure, run);
  else mergeEntities(step, targets, outcome, run);
}

type Asked = Pick<SubgraphRequest, 'variables' | 'representations'>;

/** Sends one fetch, or waits for the answer of an equal one of this run: a query that is asked twice is sent once. */
function send(step: FetchStep, asked: Asked, run: PlanRun): Promise<FetchOutcome> {
  if (!step.recurs || run.dependsOnPlace) return ask(step, asked, run);
  const { subgraph, unnamedText } = step.operation;
  const key = `${subgraph}\n${unnamedText}\n${JSON.stringify(asked.variables)}\n${asked.representations?.join() ?? ''}`;
  const known = run.answers.get(key) ?? ask(step, asked, run);
  run.answers.set(key, known);
  return known;
}

/** A subgraph that cannot be asked is an answer like any other, but a client that has left ends the run. */
async function ask(step: FetchStep, asked: Asked, run: PlanRun): Promise<FetchOutcome> {
  const { operation } = step;
  const { context, signal, transportFor } = run;
  try {
    // Past the deadline nothing begins any more: a mutation would have its effect, and its answer no reader.
    signal.throwIfAborted();
    return await transportFor(operation.subgraph).execute({ operation, ...asked, context, signal });
  } catch (error) {
    if (hasLeft(signal)) throw error;
    return { failure: describeUnreached(error, callOf(step)) };
  }
}

/** Whether the client is gone. A deadline that has passed is something else: then it gets what is there. */
function hasLeft(signal: AbortSignal): boolean {
  return signal.aborted && !(signal.reason instanceof AegisError);
}

/** An object without the fields that a fetch needs: because an earlier fetch failed, or because a subgraph left them out. */
function noteIncomplete(step: FetchStep, { incomplete }: EntityBatch, run: PlanRun): void {
  const breaches = new Map<string, UpstreamFailure>();
  for (const {
    object,
    missing: { key, name },
  } of incomplete) {
    const breach =
      breaches.get(key) ??
      describeBreach(
        `it needs the field ${name}, which no subgraph has given.`,
        step.operation.subgraph,
        'ENTITY_KEY_MISSING',
      );
    breaches.set(key, breach);
    failTargets(step, [object], run.problems.reasonFor(object, key) ?? breach, run);
  }
}
