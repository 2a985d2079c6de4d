import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import { createPresenceTable, SEEN_PRECISION_MS } from './presence-table.js';
import type { ConnectivityChange, ConnectivityRegistry, ConnectivityRow } from './registry.js';
import type { Presence } from './sessions.js';

/** Keeps the table of who is connected in step with what this process hears. */
export interface Connectivity extends Presence {
  /** As it is stored, with what this process has heard since. */
  find(workspace: WorkspaceId, deviceIds: readonly string[]): Promise<Map<string, ConnectivityRow>>;
  start(): Promise<void>;
  /** Stores what is left; devices that are held by this process are UNKNOWN from then on. */
  close(): Promise<void>;
}

export interface ConnectivityDeps {
  readonly registry: ConnectivityRegistry;
  readonly workspaces: readonly WorkspaceId[];
  readonly logger: Logger;
  /** Names this process among all that share the database. */
  readonly holder: string;
  /** Whether no other process can have the database open. */
  readonly alone: boolean;
  /** For how long a device without a connection counts as online after it was heard, in milliseconds. */
  readonly silentMs: number;
  /** How long a state must hold before it is stated as a fact, in milliseconds. */
  readonly settleMs?: number;
  readonly now?: () => number;
}

const FLUSH_MS = 1_000;
const HEARTBEAT_MS = 10_000;
const LEASE_MS = 30_000;
const SETTLE_MS = 2_000;
const FACTS_PER_ROUND = 100;

/**
 * Makes the keeper of connectivity. What is heard is kept in memory and stored once a second, all devices in one
 * statement. A state becomes a fact of the event log once it has held for `settleMs` and differs from the last one
 * stated: a device that flaps faster leaves no fact, and its row tells how it is.
 */
export function createConnectivity(deps: ConnectivityDeps): Connectivity {
  const { registry, workspaces, silentMs, now = Date.now } = deps;
  const tables = new Map(workspaces.map((workspace) => [workspace, createPresenceTable(now)]));
  const rounds = createRounds(deps);
  const statements = createFactStatements(deps);
  const flushAll = rounds.add('store who is connected', FLUSH_MS, flush);
  const sweepAll = rounds.add('see who is connected', HEARTBEAT_MS, sweep);

  async function flush(workspace: WorkspaceId): Promise<void> {
    const due = tables.get(workspace)?.takeDue();
    if (due?.changes.length) {
      await registry.store(workspace, deps.holder, due.changes);
      if (due.moved) statements.expect(workspace);
      due.settle();
    }
    await statements.stateDue(workspace);
  }

  /** What is right whether or not anything was heard: leases, silence, and what other processes have left behind. */
  async function sweep(workspace: WorkspaceId): Promise<void> {
    await registry.renewLease(workspace, deps.holder, LEASE_MS);
    await registry.releaseDead(workspace, deps);
    await registry.expire(workspace, silentMs + SEEN_PRECISION_MS);
    const table = tables.get(workspace);
    table?.forgetSilent(now() - silentMs);
    const held = table?.listHeld() ?? [];
    const forgotten = held.length > 0 ? await registry.findForgotten(workspace, held) : [];
    for (const deviceId of forgotten) table?.storeAgain(deviceId);
    await statements.state(workspace);
  }

  return {
    connected: (workspace, ...rest) => tables.get(workspace)?.connected(...rest),
    gone: (workspace, ...rest) => tables.get(workspace)?.gone(...rest),
    heard: (workspace, ...rest) => tables.get(workspace)?.heard(...rest),
    async find(workspace, deviceIds) {
      const stored = await registry.find(workspace, deviceIds);
      const rows = new Map(stored.map((row) => [row.deviceId, row] as const));
      for (const deviceId of deviceIds) {
        const own = tables.get(workspace)?.find(deviceId);
        if (own) rows.set(deviceId, overlay(rows.get(deviceId), own));
      }
      return rows;
    },
    async start() {
      await sweepAll();
      rounds.start();
    },
    async close() {
      rounds.stop();
      await flushAll();
      await rounds.run('store who was connected', (workspace) => registry.release(workspace, deps.holder));
    },
  };
}

/** States what has settled, and asks the database for it only when something may have. */
function createFactStatements({ registry, settleMs = SETTLE_MS, now = Date.now }: ConnectivityDeps) {
  /** Until when there may be states that are not stated yet. */
  const expectedUntil = new Map<WorkspaceId, number>();

  async function state(workspace: WorkspaceId): Promise<void> {
    const stated = await registry.stateFacts(workspace, { settleMs, limit: FACTS_PER_ROUND });
    if (stated === FACTS_PER_ROUND) expectedUntil.set(workspace, now() + 2 * FLUSH_MS);
  }

  return {
    state,
    expect(workspace: WorkspaceId): void {
      expectedUntil.set(workspace, now() + settleMs + 3 * FLUSH_MS);
    },
    async stateDue(workspace: WorkspaceId): Promise<void> {
      if ((expectedUntil.get(workspace) ?? 0) > now()) await state(workspace);
    },
  };
}

type Work = (workspace: WorkspaceId) => Promise<void>;

/** Runs work for every workspace at intervals, one piece at a time; what fails is tried again in its next round. */
function createRounds({ workspaces, logger }: ConnectivityDeps) {
  const starts: (() => NodeJS.Timeout)[] = [];
  let timers: NodeJS.Timeout[] = [];
  let running: Promise<void> = Promise.resolve();

  function run(what: string, work: Work): Promise<void> {
    running = running.then(async () => {
      for (const workspace of workspaces) {
        await work(workspace).catch((error: unknown) => {
          logger.error({ err: error, workspace }, `could not ${what}; trying again`);
        });
      }
    });
    return running;
  }

  return {
    run,
    /** Gives a function that does it now. */
    add(what: string, everyMs: number, work: Work): () => Promise<void> {
      let busy = false;
      const start = () =>
        setInterval(() => {
          if (busy) return;
          busy = true;
          void run(what, work).finally(() => {
            busy = false;
          });
        }, everyMs).unref();
      starts.push(start);
      return () => run(what, work);
    },
    start(): void {
      timers = starts.map((start) => start());
    },
    stop(): void {
      for (const timer of timers) clearInterval(timer);
    },
  };
}

/** What this process knows is newer, but for a device that another one holds. */
function overlay(row: ConnectivityRow | undefined, own: ConnectivityChange): ConnectivityRow {
  if (!row) return own;
  const newest = Math.max(row.lastSeenAt?.getTime() ?? 0, own.lastSeenAt?.getTime() ?? 0);
  const lastSeenAt = new Date(newest);
  if (row.state === own.state) return { ...row, lastSeenAt };
  return own.since >= row.since ? { ...own, lastSeenAt } : { ...row, lastSeenAt };
}
