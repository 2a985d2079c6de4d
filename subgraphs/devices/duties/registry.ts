import type { Database, Transaction } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';

/** Who does which work for a workspace. The clock of the database alone says how late it is. */
export interface DutyRegistry {
  /** Takes the duty when nobody holds it, or the time of who did is over; how far it has come, or false. */
  acquire(workspace: WorkspaceId): Promise<DutyPlace | false>;
  /** Holds it for longer; false when somebody else has taken it. */
  renew(workspace: WorkspaceId): Promise<boolean>;
  /**
   * The same inside of a transaction, with a new place in the order of readings: what the transaction writes is then
   * written by the holder, or not at all. Errors: {@link DutyLost}.
   */
  confirm(transaction: Transaction, sequence?: bigint): Promise<void>;
  /** Gives it back, so that another need not wait. */
  release(workspace: WorkspaceId): Promise<void>;
}

/** How far a duty has come. */
export interface DutyPlace {
  /** In the order of readings; null where that was never told. */
  readonly sequence: bigint | null;
}

/** Somebody else has taken over: whoever gets this writes nothing any more. */
export class DutyLost extends Error {
  override readonly name = 'DutyLost';
}

export interface DutyRegistryDeps {
  readonly database: Database;
  readonly name: string;
  /** Names this process, and no other one. */
  readonly holder: string;
  /** How long it is held without being renewed, in milliseconds. */
  readonly leaseMs: number;
}

/** Makes the registry of one kind of work. */
export function createDutyRegistry({ database, name, holder, leaseMs }: DutyRegistryDeps): DutyRegistry {
  const lease = leaseMs / 1_000;
  return {
    async acquire(workspace) {
      const [row] = await database.inWorkspace(workspace).client.$queryRaw<DutyPlace[]>`
        INSERT INTO devices.duties (workspace_id, name, holder, held_until)
        VALUES (${workspace}, ${name}, ${holder}, now() + make_interval(secs => ${lease}::float8))
        ON CONFLICT (workspace_id, name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
        WHERE duties.holder = excluded.holder OR duties.held_until < now()
        RETURNING sequence`;
      return row ?? false;
    },
    async renew(workspace) {
      const count = await database.inWorkspace(workspace).client.$executeRaw`
        UPDATE devices.duties SET held_until = now() + make_interval(secs => ${lease}::float8)
        WHERE workspace_id = ${workspace} AND name = ${name} AND holder = ${holder}`;
      return count > 0;
    },
    async confirm({ client, workspace }, sequence) {
      const count = await client.$executeRaw`
        UPDATE devices.duties
        SET held_until = now() + make_interval(secs => ${lease}::float8), sequence = coalesce(${sequence ?? null}::bigint, sequence)
        WHERE workspace_id = ${workspace} AND name = ${name} AND holder = ${holder}`;
      if (count === 0) throw new DutyLost(`another process has taken over ${name}`);
    },
    async release(workspace) {
      await database.inWorkspace(workspace).client.$executeRaw`
        UPDATE devices.duties SET held_until = now() - interval '1 second'
        WHERE workspace_id = ${workspace} AND name = ${name} AND holder = ${holder}`;
    },
  };
}
