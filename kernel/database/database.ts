import { emitWarning } from '../errors/emit-warning.js';
import type { WorkspaceId } from '../identity/principal.js';
import type { PrismaClient } from './generated/client.js';
import { tellUnavailable } from './tell-unavailable.js';
import { confineToWorkspace, type WorkspaceClient } from './workspace.js';

/** Work that commits or rolls back as a whole. */
export interface Transaction {
  readonly workspace: WorkspaceId;
  readonly client: WorkspaceClient;
  /**
   * Runs once the transaction has committed, never when it rolls back; for announcements of what was written. What it
   * throws is a warning of the process and nothing more: the transaction has succeeded.
   */
  afterCommit(action: () => void): void;
}

/** The rows of one workspace. Errors of all its statements: UNAVAILABLE when the database could not be reached. */
export interface WorkspaceDatabase {
  readonly workspace: WorkspaceId;
  readonly client: WorkspaceClient;
  /**
   * Runs `work` in one transaction. Inside, use only the transaction's client: the embedded database has a single
   * connection, and the outer client would wait for it until the transaction times out.
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
}

/** The way to the rows: only through a workspace. */
export interface Database {
  /** `embedded` is PGlite in this process, `server` a Postgres server. */
  readonly kind: 'embedded' | 'server';
  inWorkspace(workspace: WorkspaceId): WorkspaceDatabase;
  ping(): Promise<void>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

/** What a database is made of. */
export interface DatabaseConnection {
  readonly kind: Database['kind'];
  readonly prisma: PrismaClient;
  readonly disconnect: () => Promise<void>;
}

/** How long a transaction may wait for a connection and then run, in milliseconds. */
const TRANSACTION_LIMITS = { maxWait: 30_000, timeout: 30_000 };

/** Makes the way to the rows from an open connection, which it then owns. */
export function createDatabase({ kind, prisma, disconnect }: DatabaseConnection): Database {
  function inWorkspace(workspace: WorkspaceId): WorkspaceDatabase {
    const client = confineToWorkspace(prisma, workspace);
    return {
      workspace,
      client,
      async transaction(work) {
        const afterCommit: (() => void)[] = [];
        const result = await tellUnavailable(
          client.$transaction(
            (transactionClient) =>
              work({
                workspace,
                client: transactionClient,
                afterCommit: (action) => afterCommit.push(action),
              }),
            TRANSACTION_LIMITS,
          ),
        );
        for (const action of afterCommit) runAfterCommit(action);
        return result;
      },
    };
  }

  const workspaces = new Map<WorkspaceId, WorkspaceDatabase>();
  let closing: Promise<void> | undefined;
  return {
    kind,
    inWorkspace(workspace) {
      const known = workspaces.get(workspace) ?? inWorkspace(workspace);
      workspaces.set(workspace, known);
      return known;
    },
    async ping() {
      await prisma.$queryRaw`SELECT 1`;
    },
    close() {
      closing ??= disconnect();
      return closing;
    },
  };
}

/** A failing announcement must not make its transaction look as if it had rolled back. */
function runAfterCommit(action: () => void): void {
  try {
    action();
  } catch (error) {
    emitWarning(error);
  }
}
