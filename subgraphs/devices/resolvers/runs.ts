import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { checkPageSize, toConnection } from '../../../kernel/graphql/connection.js';
import type { Context } from '../context.js';
import { writeRejectedCsv } from '../fleet/bulk/write-rejected-csv.js';
import type { Fleet } from '../fleet/fleet.js';
import type { RunModel } from '../fleet/models.js';
import { readOpaque, writeOpaque } from '../fleet/opaque-cursor.js';
import type { Resolvers } from '../generated/schema-types.js';

export type RunResolverDeps = Pick<Fleet, 'runs' | 'registerDevices' | 'openRunStream' | 'wakeRun'>;

/** The most refused rows that are given as CSV. */
const MAX_REJECTED = 10_000;

/** Fields of long work. */
export function createRunResolvers({ runs, registerDevices, openRunStream, wakeRun }: RunResolverDeps) {
  return {
    Query: {
      run: async (_parent, { id }, context) => (await context.runs.load(id)) ?? null,
      runs: async (_parent, { first: wanted, after, kinds, states }, { principal }) => {
        const first = checkPageSize(wanted);
        const rows = await runs.list(principal.workspace, {
          first,
          after: after == null ? undefined : readOpaque('runs', after),
          kinds: kinds ?? undefined,
          states: states ?? undefined,
        });
        return toConnection(rows, {
          ...{ first, after: after != null },
          cursorOf: ({ id }) => writeOpaque('runs', id),
        });
      },
    },
    Mutation: {
      registerDevices: async (_parent, { input }, context) => {
        const { runId, userErrors } = await registerDevices(input, context);
        return { run: await findRun(runId, context), userErrors: [...userErrors] };
      },
      cancelRun: async (_parent, { input: { id } }, { principal }) => {
        const outcome = await runs.cancel(principal.workspace, id);
        if (typeof outcome === 'string') return { run: null, userErrors: [notCancelled(id, outcome)] };
        wakeRun(principal.workspace, id);
        return { run: outcome, userErrors: [] };
      },
    },
    Subscription: {
      runProgress: {
        subscribe: (_parent, { id, after }, { principal }) =>
          openRunStream(principal.workspace, { id, after: after ?? undefined }),
        resolve: (event: { readonly cursor: string; readonly run: RunModel }) => event,
      },
    },
    Run: {
      __resolveReference: async ({ id }, context) => (await context.runs.load(id)) ?? null,
      progress: ({ done, total, state }) => {
        if (state === 'SUCCEEDED') return 1;
        return total === null || total === 0 ? null : Math.min(1, done / total);
      },
      error: ({ errorCode: code, errorMessage: message }) =>
        code === null ? null : { code, message: message ?? '' },
      deviceImport: async ({ id, kind }, _args, { deviceImports }) =>
        kind === 'DEVICE_IMPORT' ? ((await deviceImports.load(id)) ?? null) : null,
    },
    DeviceImport: {
      rejections: async ({ id }, { first: wanted, after }, { importRejections }) => {
        const first = checkPageSize(wanted);
        const rows = await importRejections.load({
          importId: id,
          after: after == null ? 0 : readLine(after),
          limit: first + 1,
        });
        return toConnection(rows, {
          ...{ first, after: after != null },
          cursorOf: ({ line }) => writeOpaque('lines', String(line)),
        });
      },
      rejectedCsv: async ({ id, header }, _args, { importRejections }) =>
        writeRejectedCsv(
          header,
          await importRejections.load({ importId: id, after: 0, limit: MAX_REJECTED }),
        ),
    },
  } satisfies Resolvers;
}

async function findRun(id: string | null, { runs }: Context): Promise<RunModel | null> {
  return id === null ? null : ((await runs.load(id)) ?? null);
}

function readLine(cursor: string): number {
  const line = Number(readOpaque('lines', cursor));
  if (Number.isSafeInteger(line) && line >= 0 && line < 2 ** 31) return line;
  throw new AegisError('BAD_USER_INPUT', 'after: expected the cursor of an earlier page of refused rows.');
}

function notCancelled(id: string, why: 'NOT_FOUND' | 'ENDED') {
  const shown = JSON.stringify(id.slice(0, 64));
  return why === 'NOT_FOUND'
    ? { code: why, message: `There is no run ${shown}.`, path: ['id'] }
    : { code: 'CONFLICT', message: `The run ${shown} has ended already.`, path: ['id'] };
}
