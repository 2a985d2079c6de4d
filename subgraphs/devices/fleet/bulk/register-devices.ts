import type { RequestContext } from '../../../../kernel/graphql/subgraph.js';
import type { RegisterDevicesInput, UserError } from '../../generated/schema-types.js';
import type { Units } from '../../profiles/units.js';
import { checkRows } from './check-row.js';
import { readTable } from './read-table.js';
import type { ImportRegistry } from './registry.js';
import { toOrigin } from '../../to-origin.js';

export interface RegisterDevicesDeps {
  readonly imports: Pick<ImportRegistry, 'create'>;
  readonly units: Units;
  /** Has the run begun. */
  readonly wake: () => void;
}

/** What came of a table: the id of the run that takes it, or why it is refused as a whole. */
export type RegisterDevicesOutcome =
  | { readonly runId: string; readonly userErrors: readonly [] }
  | { readonly runId: null; readonly userErrors: readonly UserError[] };

/** Takes a table of devices. */
export type RegisterDevices = (
  input: RegisterDevicesInput,
  request: RequestContext,
) => Promise<RegisterDevicesOutcome>;

/** Makes the taking of tables. */
export function createRegisterDevices({ imports, units, wake }: RegisterDevicesDeps): RegisterDevices {
  return async ({ csv, dryRun, onExisting }, request) => {
    const table = readTable(csv);
    if ('mistake' in table) {
      return { runId: null, userErrors: [{ code: 'BAD_USER_INPUT', message: table.mistake, path: ['csv'] }] };
    }
    const runId = await imports.create(toOrigin(request), {
      ...{ dryRun: dryRun ?? false, onExisting: onExisting ?? 'KEEP', header: table.header },
      rows: checkRows(table, units),
    });
    wake();
    return { runId, userErrors: [] };
  };
}
