import type { Database } from '../../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';

/** Keeps the only connection of the embedded database busy until the returned function is called. */
export async function holdDatabase(database: Database, workspace: WorkspaceId): Promise<() => Promise<void>> {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let begun: () => void = () => undefined;
  const holding = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const transaction = database.inWorkspace(workspace).transaction(async ({ client }) => {
    await client.$queryRaw`SELECT 1`;
    begun();
    await held;
  });
  await holding;
  return async () => {
    release();
    await transaction;
  };
}
