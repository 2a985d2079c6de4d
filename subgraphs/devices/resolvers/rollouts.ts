import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { checkPageSize, toConnection } from '../../../kernel/graphql/connection.js';
import type { Context } from '../context.js';
import type { Fleet } from '../fleet/fleet.js';
import type { RolloutModel } from '../fleet/models.js';
import { readOpaque, writeOpaque } from '../fleet/opaque-cursor.js';
import type { RolloutOutcome } from '../fleet/rollouts/rollout-mutations.js';
import type { Resolvers } from '../generated/schema-types.js';

export type RolloutResolverDeps = Pick<Fleet, 'rollouts' | 'rolloutMutations'>;

/** Fields of rollouts. */
export function createRolloutResolvers({ rollouts, rolloutMutations: mutations }: RolloutResolverDeps) {
  return {
    Query: {
      rollout: async (_parent, { id }, context) => (await context.rollouts.load(id)) ?? null,
      rollouts: async (_parent, { first: wanted, after }, { principal }) => {
        const first = checkPageSize(wanted);
        const rows = await rollouts.list(principal.workspace, {
          first,
          after: after == null ? undefined : readOpaque('rollouts', after),
        });
        return toConnection(rows, {
          ...{ first, after: after != null },
          cursorOf: ({ id }) => writeOpaque('rollouts', id),
        });
      },
    },
    Mutation: {
      createRollout: async (_parent, { input }, context) =>
        toPayload(await mutations.create(input, context), context),
      pauseRollout: async (_parent, { input }, context) =>
        toPayload(await mutations.act('pause', input, context), context),
      resumeRollout: async (_parent, { input }, context) =>
        toPayload(await mutations.act('resume', input, context), context),
      rollbackRollout: async (_parent, { input }, context) =>
        toPayload(await mutations.act('rollback', input, context), context),
    },
    Run: {
      rollout: async ({ id, kind }, _args, context) =>
        kind === 'ROLLOUT' ? ((await context.rollouts.load(id)) ?? null) : null,
    },
    Rollout: {
      __resolveReference: async ({ id }, context) => (await context.rollouts.load(id)) ?? null,
      run: async ({ id }, _args, { runs }) => {
        const run = await runs.load(id);
        if (run) return run;
        throw new AegisError('NOT_FOUND', `The run of the rollout ${id} is gone.`);
      },
      stage: ({ stage }) => stage + 1,
      stages: async ({ id, stages }, _args, { stageCounts }) => {
        const counts = await stageCounts.load(id);
        return stages.map((stage, index) => ({
          ...stage,
          ...(counts.find((one) => one.stage === index) ?? NONE),
        }));
      },
      devices: async ({ id }, { first: wanted, after, states }, { rolloutDevices }) => {
        const first = checkPageSize(wanted);
        const rows = await rolloutDevices.load({
          ...{ rolloutId: id, limit: first + 1, states: states ?? null },
          after: after == null ? 0 : readPosition(after),
        });
        return toConnection(rows, {
          ...{ first, after: after != null },
          cursorOf: ({ position }) => writeOpaque('positions', String(position)),
        });
      },
    },
    RolloutDevice: {
      device: async ({ deviceId }, _args, { devices }) => (await devices.load(deviceId)) ?? null,
      stage: ({ stage }) => stage + 1,
    },
  } satisfies Resolvers;
}

const NONE = { devices: 0, pending: 0, inFlight: 0, succeeded: 0, failed: 0 };

async function toPayload(
  { id, userErrors }: RolloutOutcome,
  { rollouts }: Context,
): Promise<{ rollout: RolloutModel | null; userErrors: RolloutOutcome['userErrors'] }> {
  return { rollout: id === null ? null : ((await rollouts.load(id)) ?? null), userErrors };
}

function readPosition(cursor: string): number {
  const position = Number(readOpaque('positions', cursor));
  if (Number.isSafeInteger(position) && position >= 0 && position < 2 ** 31) return position;
  throw new AegisError('BAD_USER_INPUT', 'after: expected the cursor of an earlier page of devices.');
}
