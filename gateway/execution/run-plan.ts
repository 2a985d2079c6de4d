import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { SubgraphResponse } from '../transports/transport.js';
import type { FetchStep, PlanStep } from './compile-plan.js';
import { groupByContext, type ContextGroup } from './contexts.js';
import { mergeEntities, mergeRootFields } from './merge-response.js';
import { collectTargets, failTargets, type PlanRun } from './plan-run.js';
import { collectRepresentations, type Representations } from './representations.js';
import { applyRewrites } from './rewrites.js';
import { describeBreach, describeUnreached, type UpstreamFailure } from './upstream-error.js';

/** Runs a plan: the data grows, problems are noted, and nothing is thrown but that the client has left, and bugs. */
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
  const response = await send(step, pickVariables(step, run.variables), run);
  if ('failure' in response) failTargets(step, targets, response.failure, run);
  else mergeRootFields(step, response, run);
}

async function fetchEntities(
  step: FetchStep,
  requires: NonNullable<FetchStep['requires']>,
  run: PlanRun,
): Promise<void> {
  const { contexts } = step;
  if (!contexts) {
    await fetchGroup(step, requires, { objects: collectTargets(step, run), variables: {} }, run);
    return;
  }
  const groups = groupByContext(step, contexts, run);
  await Promise.all(groups.map((group) => fetchGroup(step, requires, group, run)));
}

async function fetchGroup(
  step: FetchStep,
  requires: NonNullable<FetchStep['requires']>,
  group: ContextGroup,
  run: PlanRun,
): Promise<void> {
  const representations = collectRepresentations(group.objects, requires, {
    possibleTypes: run.possibleTypes,
    rewrite: (representation) => {
      applyRewrites(representation, step.inputRewrites, run.possibleTypes);
    },
  });
  noteIncomplete(step, representations, run);
  if (representations.values.length === 0) return;
  const picked = pickVariables(step, run.variables);
  const variables = { ...picked, ...group.variables, representations: representations.values };
  const response = await send(step, variables, run);
  if ('failure' in response) failTargets(step, representations.targets.flat(), response.failure, run);
  else mergeEntities(step, representations.targets, response, run);
}

/** Sends one fetch; a subgraph that cannot be asked is an answer like any other, but a client that has left ends the run. */
async function send(
  { operation }: FetchStep,
  variables: Record<string, unknown>,
  { context, signal, transportFor }: PlanRun,
): Promise<SubgraphResponse | { readonly failure: UpstreamFailure }> {
  try {
    // Past the deadline nothing begins any more: a mutation would have its effect, and its answer no reader.
    signal.throwIfAborted();
    return await transportFor(operation.subgraph).execute({ operation, variables, context, signal });
  } catch (error) {
    if (hasLeft(signal)) throw error;
    return { failure: describeUnreached(error, operation.subgraph) };
  }
}

/** Whether the client is gone. A deadline that has passed is something else: then it gets what is there. */
function hasLeft(signal: AbortSignal): boolean {
  return signal.aborted && !(signal.reason instanceof AegisError);
}

/** An object without the fields that a fetch needs: because an earlier fetch failed, or because a subgraph left them out. */
function noteIncomplete(step: FetchStep, { incomplete }: Representations, run: PlanRun): void {
  const breaches = new Map<string, UpstreamFailure>();
  for (const { object, missing, name } of incomplete) {
    const breach =
      breaches.get(missing) ??
      describeBreach(
        `it needs the field ${name}, which no subgraph has given.`,
        step.operation.subgraph,
        'ENTITY_KEY_MISSING',
      );
    breaches.set(missing, breach);
    failTargets(step, [object], run.problems.reasonFor(object, missing) ?? breach, run);
  }
}
