import type { Database } from '../../kernel/database/database.js';
import type { LiveBus } from '../../kernel/events/live-bus.js';
import type { WorkspaceId } from '../../kernel/identity/principal.js';
import { wrapAngle } from './coherence/wrap-angle.js';
import type { ConsciousnessSettings } from './config.js';
import type { NodeModel } from './models.js';
import type { Refusal } from './refusal.js';
import { createRegistry } from './registry.js';
import type { SignalSources } from './signal-sources.js';
import { isDeviceSignal } from './signal.js';
import { STATES_TOPIC, type StateMessage } from './state-message.js';

/** A value of a node's own state. */
export interface StateInput {
  readonly index: number;
  readonly value: number;
  /** In radians, any finite number; the node's own where it knows it. */
  readonly phase?: number | null | undefined;
  /** Now when left out. */
  readonly at?: Date | null | undefined;
}

/** What came of pushing it. */
export interface StateOutcome {
  readonly node: NodeModel | null;
  readonly userErrors: Refusal[];
}

/**
 * Takes states that are pushed to the nodes of one network, and announces them to whoever samples it. What is taken counts: a state
 * that would not be shown is refused.
 *
 * Refusals: BAD_USER_INPUT when it is of further ahead than a clock may be, or so old that no sample shows it any more; CONFLICT when
 * the node has a newer state, or another signal; NOT_FOUND when there is no such node.
 */
export type PushState = (input: StateInput) => Promise<StateOutcome>;

export interface PushStateDeps {
  readonly database: Database;
  readonly workspace: WorkspaceId;
  readonly bus: LiveBus;
  readonly now: () => Date;
  /** How far ahead of ours a node's clock may be, and what samples do not show any more. */
  readonly settings: Pick<ConsciousnessSettings, 'maxStateAheadSeconds' | 'stalePeriods' | 'samplePeriodMs'>;
  /** Knows the newest state of a node that anybody has pushed. */
  readonly sources: Pick<SignalSources, 'newestStateAt'>;
  /** Told when a node has its states for a signal from now on. */
  readonly onAssigned: () => void;
}

/** Pushing for one workspace. A node without a signal gets its states for one. */
export function createPushState(deps: PushStateDeps): PushState {
  const { database, workspace, bus, now, settings, sources, onAssigned } = deps;
  const rows = database.inWorkspace(workspace);
  const limits = {
    aheadMs: 1_000 * settings.maxStateAheadSeconds,
    staleMs: settings.stalePeriods * settings.samplePeriodMs,
  };
  /** When the newest state taken here was true, by node: what was just announced need not have come round yet. */
  const taken = new Map<number, number>();

  /** Asked again only of nodes that have another signal: pushing ten times a second costs no statement. */
  const pushed = new Set<number>();

  async function assign(index: number): Promise<Refusal | undefined> {
    return rows.transaction(async (transaction) => {
      const registry = createRegistry(transaction);
      await registry.lock();
      const [node] = await registry.findNodes([index]);
      if (!node) {
        const message = `expected the index of a node, got ${index}.`;
        return { code: 'NOT_FOUND', message, path: ['index'] };
      }
      if (node.signal && isDeviceSignal(node.signal)) {
        const message = `node ${index} has ${node.signal.metric} of a device for its signal. Take it away first, with assignNode.`;
        return { code: 'CONFLICT', message, path: ['index'] };
      }
      if (!node.signal) await registry.setSignal(index, { own: 'STATE', index });
      return undefined;
    });
  }

  /** Finds the instant that a state is to count as of, in milliseconds. */
  function findInstant(index: number, at: Date | null | undefined): number | Refusal {
    const nowMs = now().getTime();
    const newestMs = Math.max(taken.get(index) ?? -Infinity, sources.newestStateAt(index) ?? -Infinity);
    // What is of now is the newest, also where another process or our own clock was a little ahead.
    if (at == null || at.getTime() >= nowMs) return Math.max(nowMs, newestMs);
    return at.getTime() >= newestMs ? at.getTime() : describeOlder(index, { at, newestMs });
  }

  return async ({ index, value, phase, at }) => {
    const impossible = at == null ? undefined : checkInstant(at, { ...limits, nowMs: now().getTime() });
    if (impossible) return { node: null, userErrors: [impossible] };
    if (!pushed.has(index)) {
      const refusal = await assign(index);
      if (refusal) return { node: null, userErrors: [refusal] };
      pushed.add(index);
      onAssigned();
      // What was true a while ago need not be now: another process may give the node another signal.
      setTimeout(() => pushed.delete(index), 1_000).unref();
    }
    const atMs = findInstant(index, at);
    if (typeof atMs !== 'number') return { node: null, userErrors: [atMs] };
    taken.set(index, atMs);
    const known = phase == null ? {} : { phase: wrapAngle(phase) };
    const message: StateMessage = { index, value, ...known, atMs };
    await bus.publish({ workspace, name: STATES_TOPIC }, [message]);
    return { node: { index, signal: { own: 'STATE', index } }, userErrors: [] };
  };
}

/** Refuses an instant that cannot be, and one of which no sample tells any more. */
function checkInstant(
  at: Date,
  { nowMs, aheadMs, staleMs }: Readonly<Record<'nowMs' | 'aheadMs' | 'staleMs', number>>,
): Refusal | undefined {
  const offMs = at.getTime() - nowMs;
  if (offMs > aheadMs) {
    const expected = `expected a state of at most ${aheadMs / 1_000} s ahead of the time here`;
    return refuse(
      'BAD_USER_INPUT',
      `${expected}, ${show(nowMs)}, got one of ${show(at.getTime())}. Set the sender's clock.`,
    );
  }
  if (offMs >= -staleMs) return undefined;
  const expected = `expected a state of at most ${staleMs / 1_000} s before the time here, as an older one would not count`;
  return refuse('BAD_USER_INPUT', `${expected}, got one of ${show(at.getTime())}, and it is ${show(nowMs)}.`);
}

function describeOlder(
  index: number,
  { at, newestMs }: { readonly at: Date; readonly newestMs: number },
): Refusal {
  const expected = `expected a state no older than the newest one of node ${index}, of ${show(newestMs)}`;
  return refuse(
    'CONFLICT',
    `${expected}, as an older one would not count, got one of ${show(at.getTime())}.`,
  );
}

function refuse(code: Refusal['code'], message: string): Refusal {
  return { code, message, path: ['at'] };
}

function show(ms: number): string {
  return new Date(ms).toISOString();
}
