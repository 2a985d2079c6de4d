import type { Database } from '../../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { PayloadKind } from '../../protocols/payload-kind.js';
import type { DeadLetter } from './dead-letters.js';

/** A dead letter as it is kept; the sequence is its place in the order in which they were refused. */
export interface StoredDeadLetter extends Omit<DeadLetter, 'rejectedAtMs' | 'protocol' | 'kind'> {
  readonly sequence: bigint;
  readonly rejectedAt: Date;
  readonly protocol: string;
  readonly kind: string;
}

/** Which dead letters are wanted; undefined means any. */
export interface DeadLetterFilter {
  readonly device?: string | undefined;
  readonly kind?: PayloadKind | undefined;
  readonly code?: string | undefined;
  readonly protocol?: string | undefined;
  readonly from?: Date | undefined;
  /** Itself outside. */
  readonly to?: Date | undefined;
}

/** The dead letters of all workspaces. */
export interface StoredDeadLetters {
  /** Adds letters, and removes the oldest beyond as many as are kept. */
  add(workspace: WorkspaceId, letters: readonly DeadLetter[]): Promise<void>;
  /** The newest first, before a sequence, at most `limit`. */
  list(
    workspace: WorkspaceId,
    page: {
      readonly filter: DeadLetterFilter;
      readonly before?: bigint | undefined;
      readonly limit: number;
    },
  ): Promise<StoredDeadLetter[]>;
}

/**
 * Makes the store of dead letters.
 *
 * @param maxKept how many are kept in each workspace.
 */
export function createStoredDeadLetters(database: Database, maxKept: number): StoredDeadLetters {
  /** Removed since the table was last cleared: the embedded Postgres would never use their room again. */
  let removed = 0;

  async function trim(workspace: WorkspaceId): Promise<void> {
    const { client } = database.inWorkspace(workspace);
    removed += await client.$executeRaw`
      DELETE FROM devices.dead_letters WHERE workspace_id = ${workspace} AND sequence <= (
        SELECT sequence FROM devices.dead_letters WHERE workspace_id = ${workspace}
        ORDER BY sequence DESC OFFSET ${maxKept}::int LIMIT 1
      )`;
    if (database.kind !== 'embedded' || removed < maxKept) return;
    removed = 0;
    await client.$executeRawUnsafe('VACUUM devices.dead_letters');
  }

  return {
    async add(workspace, letters) {
      const { client } = database.inWorkspace(workspace);
      await client.deadLetter.createMany({
        data: letters.map(({ rejectedAtMs, payload, ...letter }) => ({
          ...letter,
          workspaceId: workspace,
          rejectedAt: new Date(rejectedAtMs),
          payload: Uint8Array.from(payload),
        })),
      });
      await trim(workspace);
    },
    list(workspace, { filter: { device, kind, code, protocol, from, to }, before, limit }) {
      return database.inWorkspace(workspace).client.deadLetter.findMany({
        where: {
          ...(device === undefined ? {} : { device }),
          ...(kind === undefined ? {} : { kind }),
          ...(code === undefined ? {} : { code }),
          ...(protocol === undefined ? {} : { protocol }),
          ...(before === undefined ? {} : { sequence: { lt: before } }),
          rejectedAt: { ...(from ? { gte: from } : {}), ...(to ? { lt: to } : {}) },
        },
        orderBy: { sequence: 'desc' },
        take: limit,
      });
    },
  };
}
