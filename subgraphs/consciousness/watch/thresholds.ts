import type { Database, Transaction } from '../../../kernel/database/database.js';
import type { EventLog } from '../../../kernel/events/event-log.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Refusal } from '../refusal.js';
import { createThresholdStorage, type Limit } from '../storage/threshold-storage.js';
import { checkLimit, type GivenLimit } from './check-limit.js';
import type { Threshold } from './threshold.js';

/** A limit as a caller gives it. */
export interface ThresholdInput extends GivenLimit {
  /** Of the one to change; a new one when left out. */
  readonly id?: string | null | undefined;
}

/** What came of setting or removing one. */
export interface ThresholdOutcome {
  readonly threshold: Threshold | null;
  readonly userErrors: Refusal[];
}

/** The limits of one workspace's network. */
export interface Thresholds {
  list(): Promise<readonly Threshold[]>;
  set(input: ThresholdInput): Promise<ThresholdOutcome>;
  remove(id: string): Promise<ThresholdOutcome>;
  /**
   * Turns a limit to crossed or back, and states that as a fact; false when another process has done so.
   *
   * @param to what the number was, in its unit, and whether it was of simulated signals
   */
  turn(threshold: Threshold, to: Turn): Promise<boolean>;
}

/** How a number came to be on the other side of its limit. */
export interface Turn {
  readonly crossed: boolean;
  readonly value: number;
  readonly simulated: boolean;
}

export interface ThresholdsDeps {
  readonly database: Database;
  readonly log: EventLog;
  readonly workspace: WorkspaceId;
  readonly now: () => Date;
  /** Told after each change of what there is. */
  readonly onChange: () => void;
}

const MOST = 100;

/** Whether a number is out of bounds, given whether it was: it must come back by the hysteresis to be within again. */
export function isCrossed({ direction, value, hysteresis, crossed }: Threshold, current: number): boolean {
  const beyond = direction === 'ABOVE' ? current - value : value - current;
  return crossed ? beyond > -hysteresis : beyond > 0;
}

/** The limits of a workspace: rows in, rows out, and the facts of them. */
export function createThresholds(deps: ThresholdsDeps): Thresholds {
  const { database, log, workspace, now, onChange } = deps;
  const rows = database.inWorkspace(workspace);

  async function change(
    work: (transaction: Transaction) => Promise<ThresholdOutcome>,
  ): Promise<ThresholdOutcome> {
    const outcome = await rows.transaction(work);
    onChange();
    return outcome;
  }

  return {
    list: () => createThresholdStorage(rows).list(),
    set({ id, metric, direction, value, hysteresis }) {
      const checked = checkLimit({ metric, direction, value, hysteresis });
      if ('code' in checked) return Promise.resolve({ threshold: null, userErrors: [checked] });
      const limit = { metric, direction, value, hysteresis: checked.hysteresis };
      return change(async (transaction) => {
        const { threshold, userErrors } = await save(transaction, { id, limit }, now());
        if (!threshold) return { threshold, userErrors };
        await log.append(transaction, factOf('set', threshold, { value: threshold.value }));
        return { threshold, userErrors };
      });
    },
    remove: (id) =>
      change(async (transaction) => {
        const storage = createThresholdStorage(transaction);
        const threshold = (await storage.list()).find((one) => one.id === id);
        if (!threshold)
          return refuse('NOT_FOUND', `expected the id of a limit, got ${JSON.stringify(id)}.`, 'id');
        await storage.remove(id);
        await log.append(transaction, factOf('removed', threshold, { value: threshold.value }));
        return { threshold, userErrors: [] };
      }),
    turn: (threshold, { crossed, ...found }) =>
      rows.transaction(async (transaction) => {
        const turned = await createThresholdStorage(transaction).turn(threshold.id, { crossed, at: now() });
        if (!turned) return false;
        await log.append(transaction, factOf(crossed ? 'crossed' : 'cleared', threshold, found));
        return true;
      }),
  };
}

async function save(
  transaction: Transaction,
  { id, limit }: Pick<ThresholdInput, 'id'> & { readonly limit: Limit },
  at: Date,
): Promise<ThresholdOutcome> {
  const storage = createThresholdStorage(transaction);
  if (id !== null && id !== undefined) {
    const updated = await storage.update(id, limit);
    if (updated) return { threshold: updated, userErrors: [] };
    return refuse('NOT_FOUND', `expected the id of a limit, got ${JSON.stringify(id)}.`, 'id');
  }
  if ((await storage.list()).length >= MOST) {
    return refuse('CONFLICT', `there are ${MOST} limits already. Remove one first.`, 'metric');
  }
  return { threshold: await storage.create(limit, at), userErrors: [] };
}

function refuse(code: Refusal['code'], message: string, path: string): ThresholdOutcome {
  return { threshold: null, userErrors: [{ code, message, path: [path] }] };
}

function factOf(
  what: 'set' | 'removed' | 'crossed' | 'cleared',
  { id, metric, direction, value: limit, hysteresis }: Threshold,
  found: { readonly value: number; readonly simulated?: boolean },
) {
  return {
    source: '/consciousness',
    type: `aegis.network.threshold.${what}`,
    subject: id,
    data: { metric, direction, limit, hysteresis, ...found },
  };
}
