import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { checkPageSize, toConnection } from '../../../kernel/graphql/connection.js';
import type { Context } from '../context.js';
import type { FuseReadings } from '../fusion/fuse-readings.js';
import type { FusedReadingEventModel, StandingFusedSeriesModel } from '../fusion/standing/models.js';
import type { StandingFusions } from '../fusion/standing/standing-fusions.js';
import type { QueryFusedSeriesArgs, QueryStandingFusionsArgs, Resolvers } from '../generated/schema-types.js';

export interface FusionResolverDeps {
  readonly fuseReadings: FuseReadings;
  readonly standingFusions: StandingFusions;
}

/** The most points of one answer. */
const MAX_POINTS = 10_000;

/** Fields that fuse readings. */
export function createFusionResolvers({ fuseReadings, standingFusions }: FusionResolverDeps) {
  const { registry, mutations, openStream } = standingFusions;
  return {
    Query: {
      fuseReadings: (_parent, args, { principal }) => fuseReadings(principal.workspace, args),
      standingFusion: async (_parent, { id }, { principal }) =>
        (await registry.find(principal.workspace, [id]))[0] ?? null,
      standingFusions: (_parent, args, context) => listFusions(standingFusions, args, context),
      fusedSeries: (_parent, args, context) => readSeries(standingFusions, args, context),
    },
    Mutation: {
      createStandingFusion: (_parent, { input }, context) => mutations.create(input, context),
      updateStandingFusion: (_parent, { input }, context) => mutations.update(input, context),
      removeStandingFusion: (_parent, { input }, context) => mutations.remove(input, context),
    },
    Subscription: {
      fusedReadings: {
        subscribe: async (_parent, { id, after }, { principal }) => {
          const [fusion] = await registry.find(principal.workspace, [id]);
          if (!fusion) throw noSuchFusion(id);
          return openStream(principal.workspace, { id, after: after ?? undefined });
        },
        resolve: (event: FusedReadingEventModel) => event,
      },
    },
    FusedInput: {
      quality: ({ quality }) => quality ?? 'GOOD',
    },
    StandingFusion: {
      metric: ({ definition }) => definition.metric,
      deviceIds: ({ definition }) => definition.deviceIds?.slice() ?? null,
      selection: ({ definition: { selection } }) =>
        selection
          ? {
              profile: selection.profile ?? null,
              labels: selection.labels ?? null,
              groups: selection.groups ?? null,
            }
          : null,
      config: ({ definition }) => definition.config,
      stepMs: ({ definition }) => definition.stepMs,
      latenessMs: ({ definition }) => definition.latenessMs,
      retentionHours: ({ definition }) => definition.retentionHours,
      lateInputs: ({ lateInputs }) => Number(lateInputs),
      computedThrough: ({ unit, nextAt, definition }) =>
        unit === null ? null : new Date(nextAt.getTime() - definition.stepMs),
    },
  } satisfies Resolvers;
}

async function listFusions(
  { registry }: StandingFusions,
  { first: wanted, after }: QueryStandingFusionsArgs,
  { principal }: Context,
) {
  const first = checkPageSize(wanted ?? 20);
  const rows = await registry.list(principal.workspace, {
    first,
    after: after == null ? undefined : decodeNameCursor(after),
  });
  return toConnection(rows, {
    first,
    after: after != null,
    cursorOf: ({ name }) => Buffer.from(`fus:${name}`).toString('base64url'),
  });
}

/** Fusions are listed by their names. Errors: BAD_USER_INPUT for what is no cursor of this list. */
function decodeNameCursor(cursor: string): string {
  const name = /^fus:(?<name>[A-Za-z0-9._-]{1,63})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))
    ?.groups?.['name'];
  if (name !== undefined) return name;
  throw new AegisError(
    'BAD_USER_INPUT',
    `after: expected the cursor of an earlier page, got ${JSON.stringify(cursor.slice(0, 64))}. ` +
      'Leave it out to begin at the beginning.',
  );
}

async function readSeries(
  { registry }: StandingFusions,
  { id, range: { from, to }, limit: wanted }: QueryFusedSeriesArgs,
  { principal: { workspace } }: Context,
): Promise<StandingFusedSeriesModel> {
  const limit = wanted ?? 1_000;
  if (limit < 1 || limit > MAX_POINTS) {
    throw new AegisError('BAD_USER_INPUT', `limit: expected 1 to ${MAX_POINTS}, got ${limit}.`);
  }
  const [fusion] = await registry.find(workspace, [id]);
  if (!fusion) throw noSuchFusion(id);
  const points = await registry.points(workspace, id, { from, to: to ?? undefined, limit: limit + 1 });
  const { definition, unit } = fusion;
  return {
    ...{ metric: definition.metric, unit },
    points: points.slice(0, limit),
    truncated: points.length > limit,
  };
}

function noSuchFusion(id: string): AegisError {
  return new AegisError(
    'NOT_FOUND',
    `id: there is no standing fusion ${JSON.stringify(id.slice(0, 64))}; it may have been removed.`,
  );
}
