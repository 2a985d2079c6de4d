import { z } from 'zod';
import type { Transaction, WorkspaceDatabase } from '../../../kernel/database/database.js';
import { newId } from '../../../kernel/ids/ids.js';
import type { Threshold } from '../watch/threshold.js';
import { watchedMetric } from '../watch/watched-metric.js';

/** What a caller sets of a limit. */
export type Limit = Pick<Threshold, 'metric' | 'direction' | 'value' | 'hysteresis'>;

/** The limits of one workspace: rows in, rows out. */
export interface ThresholdStorage {
  /** Oldest first. */
  list(): Promise<readonly Threshold[]>;
  create(limit: Limit, at: Date): Promise<Threshold>;
  /** Undefined when there is none with this id. */
  update(id: string, limit: Limit): Promise<Threshold | undefined>;
  remove(id: string): Promise<void>;
  /** Whether it was on the other side until then. */
  turn(id: string, to: { readonly crossed: boolean; readonly at: Date }): Promise<boolean>;
}

const row = z.object({
  id: z.string(),
  metric: watchedMetric,
  direction: z.enum(['ABOVE', 'BELOW']),
  value: z.number(),
  hysteresis: z.number(),
  crossed: z.boolean(),
  changedAt: z.date(),
});

/** The storage of a workspace; inside a transaction, the one made from the transaction. */
export function createThresholdStorage({
  client,
  workspace,
}: Pick<WorkspaceDatabase | Transaction, 'client' | 'workspace'>): ThresholdStorage {
  return {
    async list() {
      const found = await client.networkThreshold.findMany({
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      });
      return found.map((one) => row.parse(one));
    },
    async create(limit, at) {
      const ids = { workspaceId: workspace, id: newId('thr') };
      return row.parse(
        await client.networkThreshold.create({
          data: { ...ids, ...limit, crossed: false, changedAt: at, createdAt: at },
        }),
      );
    },
    async update(id, limit) {
      const [updated] = await client.networkThreshold.updateManyAndReturn({
        where: { id },
        data: { ...limit },
      });
      return updated && row.parse(updated);
    },
    async remove(id) {
      await client.networkThreshold.deleteMany({ where: { id } });
    },
    async turn(id, { crossed, at }) {
      const { count } = await client.networkThreshold.updateMany({
        where: { id, crossed: !crossed },
        data: { crossed, changedAt: at },
      });
      return count > 0;
    },
  };
}
