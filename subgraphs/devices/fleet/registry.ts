import type { Database } from '../../../kernel/database/database.js';
import { Prisma } from '../../../kernel/database/workspace.js';
import type { EventLog } from '../../../kernel/events/event-log.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { ChangeOrigin } from '../registry.js';
import { MAX_LABELS, type Labels } from './labels.js';
import { selectRows } from './selection/registry.js';
import type { Selection } from './selection/selection.js';

/** Labels to set on devices, and keys of labels to take from them. */
export interface LabelChange {
  readonly set: Labels;
  readonly remove: readonly string[];
}

/** The labels of many devices at once. */
export interface LabelRegistry {
  /**
   * Changes the labels of all devices of a selection in one transaction, and states the fact. Out: how many devices were
   * changed; or one that would have too many labels, with nothing changed.
   */
  label(
    origin: ChangeOrigin,
    selection: Selection,
    change: LabelChange,
  ): Promise<{ readonly changed: number } | { readonly overfull: string }>;
}

export interface LabelRegistryDeps {
  readonly database: Database;
  readonly log: EventLog;
  /** Told of each device that was changed, once that is committed. */
  readonly onChange: (workspace: WorkspaceId, device: { readonly id: string; readonly name: string }) => void;
}

interface LabelledRow {
  readonly id: string;
  readonly name: string;
  readonly count: number;
}

/** How many devices one fact tells of: a fact stays a message of some kilobytes. */
const DEVICES_PER_FACT = 500;

/** Makes the registry of labels. */
export function createLabelRegistry({ database, log, onChange }: LabelRegistryDeps): LabelRegistry {
  return {
    async label({ workspace, traceparent }, selection, change) {
      const work = database.inWorkspace(workspace).transaction(async (transaction) => {
        const { client } = transaction;
        const labels = Prisma.sql`(d.labels - ${[...change.remove]}::text[]) || ${JSON.stringify(change.set)}::jsonb`;
        const condition = await selectRows(client, selection);
        const rows = await client.$queryRaw<LabelledRow[]>`
          UPDATE devices.devices d SET labels = ${labels}, updated_at = now()
          WHERE d.workspace_id = ${workspace} AND d.labels <> ${labels} AND ${condition}
          RETURNING d.id, d.name, (SELECT count(*)::int FROM jsonb_object_keys(d.labels)) AS count`;
        const overfull = rows.find(({ count }) => count > MAX_LABELS);
        if (overfull) throw new Overfull(overfull.name);
        for (let from = 0; from < rows.length; from += DEVICES_PER_FACT) {
          const devices = rows.slice(from, from + DEVICES_PER_FACT).map(({ id, name }) => ({ id, name }));
          await log.append(transaction, {
            ...{ source: '/devices', type: 'aegis.device.labelled', traceparent },
            data: { set: { ...change.set }, remove: [...change.remove], devices },
          });
        }
        transaction.afterCommit(() => {
          for (const row of rows) onChange(workspace, row);
        });
        return { changed: rows.length };
      });
      return work.catch((error: unknown) => {
        if (error instanceof Overfull) return { overfull: error.device };
        throw error;
      });
    },
  };
}

/** Rolls the change back: a device would have more labels than it may. */
class Overfull extends Error {
  override readonly name = 'Overfull';
  readonly device: string;

  constructor(device: string) {
    super(`${device} would have more than ${MAX_LABELS} labels`);
    this.device = device;
  }
}
