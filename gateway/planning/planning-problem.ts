import { CompositionFailed } from '../supergraph/composition-failed.js';
import { SupergraphInvalid } from '../supergraph/snapshot.js';
import { PlanningFailed } from './planner.js';
import type { PlanningProblem } from './planning-task.js';

/** The error that the planning thread told of. */
export function toError({ kind, message, problems = [] }: PlanningProblem): Error {
  switch (kind) {
    case 'invalid':
      return new SupergraphInvalid(message);
    case 'unplannable':
      return new PlanningFailed(message);
    case 'uncomposable':
      return new CompositionFailed(problems);
    case 'unforeseen':
      return new Error(message);
  }
}
