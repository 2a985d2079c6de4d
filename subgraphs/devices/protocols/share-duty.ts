import type { Database } from '../../../kernel/database/database.js';
import { newId } from '../../../kernel/ids/ids.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import { createDuty } from '../duties/duty.js';
import { createDutyRegistry } from '../duties/registry.js';

/** Has one process at a time do something for a workspace. */
export type ShareDuty = (
  workspace: WorkspaceId,
  perform: (signal: AbortSignal) => Promise<void>,
) => { start(): void; close(): Promise<void> };

export interface ShareDutyDeps {
  readonly database: Database;
  readonly logger: Logger;
  /** Names the work. */
  readonly name: string;
  /** How long the work is held by a process that is gone, in milliseconds. */
  readonly leaseMs?: number;
}

const LEASE_MS = 15_000;

/** Makes what gives work to one of several processes on one database. */
export function createShareDuty({ database, logger, name, leaseMs = LEASE_MS }: ShareDutyDeps): ShareDuty {
  const registry = createDutyRegistry({ database, name, holder: newId('prc'), leaseMs });
  return (workspace, perform) =>
    createDuty({
      ...{ workspace, logger, registry, name, leaseMs },
      perform: (_place, signal) => perform(signal),
    });
}

/** The same where there may be several processes; an embedded database has only one, which does everything. */
export function openShareDuty(deps: ShareDutyDeps): ShareDuty | undefined {
  return deps.database.kind === 'embedded' ? undefined : createShareDuty(deps);
}
