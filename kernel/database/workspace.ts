import type { WorkspaceId } from '../identity/principal.js';
import { Prisma, type PrismaClient } from './generated/client.js';

/**
 * The Prisma client as everybody but this folder sees it: every query of it is confined to one workspace.
 *
 * Raw SQL is not confined by itself; it takes the workspace as a parameter, from {@link WorkspaceDatabase.workspace}.
 */
export type WorkspaceClient = Omit<
  ReturnType<typeof confineToWorkspace>,
  '$transaction' | '$connect' | '$disconnect' | '$extends' | '$on'
>;

interface QueryArguments {
  where?: Record<string, unknown>;
  data?: Record<string, unknown> | Record<string, unknown>[];
  create?: Record<string, unknown>;
}

const WITH_WHERE = new Set([
  'findUnique',
  'findUniqueOrThrow',
  'findFirst',
  'findFirstOrThrow',
  'findMany',
  'update',
  'updateMany',
  'updateManyAndReturn',
  'upsert',
  'delete',
  'deleteMany',
  'count',
  'aggregate',
  'groupBy',
]);
const WITH_NEW_ROWS = new Set(['create', 'createMany', 'createManyAndReturn', 'upsert']);

/** The Prisma extension that adds the workspace to every condition and every new row. */
export function confineToWorkspace(client: PrismaClient, workspaceId: WorkspaceId) {
  return client.$extends({
    name: 'workspace',
    query: {
      $allModels: {
        $allOperations({ operation, args, query }) {
          const confined = { ...(args as QueryArguments) };
          if (WITH_WHERE.has(operation)) confined.where = { AND: [{ workspaceId }], ...confined.where };
          if (WITH_NEW_ROWS.has(operation)) stampRows(confined, workspaceId);
          return query(confined as typeof args);
        },
      },
    },
  });
}

function stampRows(args: QueryArguments, workspaceId: WorkspaceId): void {
  const stamp = (row: Record<string, unknown>) => ({ ...row, workspaceId });
  if (args.create) args.create = stamp(args.create);
  else if (args.data) args.data = Array.isArray(args.data) ? args.data.map(stamp) : stamp(args.data);
}

export { Prisma };
