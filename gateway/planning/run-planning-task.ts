import { composeSubgraphTexts } from '../supergraph/compose.js';
import { CompositionFailed } from '../supergraph/composition-failed.js';
import { extractSubgraphs } from '../supergraph/extract-subgraphs.js';
import { readSupergraph } from '../supergraph/read-supergraph.js';
import { SupergraphInvalid } from '../supergraph/snapshot.js';
import { createApolloPlanner, type ApolloPlanner } from './apollo-planner.js';
import { PlanningFailed } from './planner.js';
import type { PlanningProblem, PlanningResults, PlanningTask } from './planning-task.js';

/** Does the tasks of the planning thread, and keeps the planners in between. */
export interface PlanningTaskRunner {
  run(task: PlanningTask): PlanningResults[PlanningTask['kind']];
  /** Makes the planner of a supergraph that was opened, before its first plan needs it. */
  prepare(supergraph: number): void;
}

/** Makes one that knows no supergraph yet. */
export function createPlanningTaskRunner(): PlanningTaskRunner {
  const planners = new Map<number, ApolloPlanner>();

  function open(number: number, sdl: string): PlanningResults['open'] {
    const { supergraph, facts } = readSupergraph(sdl);
    planners.set(number, createApolloPlanner(sdl, supergraph));
    return facts;
  }

  function plan(task: PlanningTask & { kind: 'plan' }): PlanningResults['plan'] {
    const planner = planners.get(task.supergraph);
    if (!planner) throw new Error(`supergraph ${task.supergraph} was not opened in this thread`);
    try {
      return JSON.stringify(planner.plan({ text: task.text, overrides: new Map(task.overrides) }));
    } catch (error) {
      throw new PlanningFailed(messageOf(error), { cause: error });
    }
  }

  return {
    run(task) {
      switch (task.kind) {
        case 'open':
          return open(task.supergraph, task.sdl);
        case 'forget':
          planners.delete(task.supergraph);
          return null;
        case 'plan':
          return plan(task);
        case 'compose':
          return composeSubgraphTexts(task.subgraphs);
        case 'extract':
          return extractSubgraphs(task.sdl);
      }
    },
    prepare(supergraph) {
      planners.get(supergraph)?.prepare();
    },
  };
}

/** An error as it is told to the other thread. */
export function describeProblem(error: unknown): PlanningProblem {
  const message = messageOf(error);
  if (error instanceof SupergraphInvalid) return { kind: 'invalid', message };
  if (error instanceof PlanningFailed) return { kind: 'unplannable', message };
  if (error instanceof CompositionFailed) {
    return { kind: 'uncomposable', message, problems: error.problems };
  }
  return { kind: 'unforeseen', message };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
