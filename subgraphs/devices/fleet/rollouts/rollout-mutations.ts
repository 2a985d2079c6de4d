import type { RequestContext } from '../../../../kernel/graphql/subgraph.js';
import type { CreateRolloutInput, RolloutActionInput, UserError } from '../../generated/schema-types.js';
import { checkSelection } from '../selection/selection.js';
import { checkRollout } from './check-rollout.js';
import type { RolloutRegistry } from './registry.js';

/** What came of a change: the id of the rollout, or why not. */
export interface RolloutOutcome {
  readonly id: string | null;
  readonly userErrors: UserError[];
}

/** What people do with rollouts. */
export interface RolloutMutations {
  create(input: CreateRolloutInput, request: RequestContext): Promise<RolloutOutcome>;
  act(
    action: 'pause' | 'resume' | 'rollback',
    input: RolloutActionInput,
    request: RequestContext,
  ): Promise<RolloutOutcome>;
}

export interface RolloutMutationsDeps {
  readonly rollouts: Pick<RolloutRegistry, 'create' | 'act' | 'findByIds'>;
  /** Says that a run has changed, and has it looked at. */
  readonly wakeRun: (workspace: RequestContext['principal']['workspace'], id: string) => void;
}

/** Makes the changes of rollouts. */
export function createRolloutMutations({ rollouts, wakeRun }: RolloutMutationsDeps): RolloutMutations {
  return {
    async create(input, { principal: { workspace, subject }, trace }) {
      const plan = checkRollout(input);
      if ('errors' in plan) return { id: null, userErrors: plan.errors };
      const origin = { workspace, subject, traceparent: trace.traceparent };
      const id = await rollouts.create(origin, plan, checkSelection(input.selection));
      if (id === undefined) {
        const message = 'Expected a selection with at least one device, got none.';
        return refused({ code: 'BAD_USER_INPUT', message, path: ['selection'] });
      }
      wakeRun(workspace, id);
      return { id, userErrors: [] };
    },
    async act(action, { id }, { principal: { workspace, subject }, trace }) {
      const [rollout] = await rollouts.findByIds(workspace, [id]);
      const shown = JSON.stringify(id.slice(0, 64));
      if (!rollout)
        return refused({ code: 'NOT_FOUND', message: `There is no rollout ${shown}.`, path: ['id'] });
      const origin = { workspace, traceparent: trace.traceparent };
      const run = await rollouts.act(origin, id, action, `${NOTES[action]} ${subject}.`);
      if (!run) {
        const message = `The rollout ${shown} is in no state in which it could be: see its run.`;
        return refused({ code: 'CONFLICT', message, path: ['id'] });
      }
      wakeRun(workspace, id);
      return { id, userErrors: [] };
    },
  };
}

const NOTES = {
  pause: 'Paused by',
  resume: 'Resumed by',
  rollback: 'Taken back by',
} as const;

function refused(error: UserError): RolloutOutcome {
  return { id: null, userErrors: [error] };
}
