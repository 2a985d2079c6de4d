import type { WorkspaceId } from '../identity/principal.js';
import { readDataModel } from './data-model.js';
import { Prisma, type PrismaClient } from './generated/client.js';
import { tellUnavailable } from './tell-unavailable.js';
import { createWriteGuard, type WriteGuard } from './write-guard.js';

/**
 * The Prisma client as everybody but this folder sees it: every query of it is confined to one workspace.
 *
 * Raw SQL is not confined by itself; it takes the workspace as a parameter, from {@link WorkspaceDatabase.workspace}.
 */
export type WorkspaceClient = Omit<
  ReturnType<typeof confineToWorkspace>,
  '$transaction' | '$connect' | '$disconnect' | '$extends' | '$on'
>;

type Row = Readonly<Record<string, unknown>>;

interface QueryArguments {
  where?: Row;
  data?: Row | readonly Row[];
  create?: Row;
  update?: Row;
}

type Confine = (args: QueryArguments, workspaceId: WorkspaceId) => QueryArguments;

const confineCondition: Confine = (args, workspaceId) => ({
  ...args,
  where: { ...args.where, AND: [{ workspaceId }, ...toArray(args.where?.['AND'])] },
});

const stampRows: Confine = ({ data, ...args }, workspaceId) => {
  const rows = isRows(data) ? data.map((row) => ({ ...row, workspaceId })) : { ...data, workspaceId };
  return { ...args, data: rows };
};

const confineUpsert: Confine = (args, workspaceId) => ({
  ...confineCondition(args, workspaceId),
  create: { ...args.create, workspaceId },
});

/** How each operation of Prisma is confined. One that is not listed is refused, so that a new one cannot slip by. */
const CONFINED: ReadonlyMap<string, Confine> = new Map([
  ['findUnique', confineCondition],
  ['findUniqueOrThrow', confineCondition],
  ['findFirst', confineCondition],
  ['findFirstOrThrow', confineCondition],
  ['findMany', confineCondition],
  ['count', confineCondition],
  ['aggregate', confineCondition],
  ['groupBy', confineCondition],
  ['create', stampRows],
  ['createMany', stampRows],
  ['createManyAndReturn', stampRows],
  ['update', confineCondition],
  ['updateMany', confineCondition],
  ['updateManyAndReturn', confineCondition],
  ['upsert', confineUpsert],
  ['delete', confineCondition],
  ['deleteMany', confineCondition],
]);

/** The Prisma extension that adds the workspace to every condition and every new row. */
export function confineToWorkspace(client: PrismaClient, workspaceId: WorkspaceId) {
  const guard = createWriteGuard(readDataModel(client), workspaceId);
  return client.$extends({
    name: 'workspace',
    query: {
      // Raw statements pass here as well.
      $allOperations: ({ args, query }) => tellUnavailable(query(args)),
      $allModels: {
        $allOperations({ model, operation, args, query }) {
          const confine = CONFINED.get(operation);
          if (!confine)
            throw new Error(`expected an operation that can be confined to a workspace, got ${operation}`);
          const given = args as QueryArguments;
          guardWrites(guard, model, given);
          return query(confine(given, workspaceId));
        },
      },
    },
  });
}

function guardWrites(guard: WriteGuard, model: string, { data, create, update }: QueryArguments): void {
  guard(model, data);
  guard(model, create);
  guard(model, update);
}

function isRows(data: QueryArguments['data']): data is readonly Row[] {
  return Array.isArray(data);
}

function toArray(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

export { Prisma };
