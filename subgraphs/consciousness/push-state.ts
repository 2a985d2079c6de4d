import type { Database } from '../../kernel/database/database.js';
import type { LiveBus } from '../../kernel/events/live-bus.js';
import type { WorkspaceId } from '../../kernel/identity/principal.js';
import { wrapAngle } from './coherence/wrap-angle.js';
import type { NodeModel } from './models.js';
import type { Refusal } from './refusal.js';
import { createRegistry } from './registry.js';
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

/** Takes states that are pushed to the nodes of one network, and announces them to whoever samples it. */
export type PushState = (input: StateInput) => Promise<StateOutcome>;

export interface PushStateDeps {
  readonly database: Database;
  readonly workspace: WorkspaceId;
  readonly bus: LiveBus;
  readonly now: () => Date;
  /** Told when a node has its states for a signal from now on. */
  readonly onAssigned: () => void;
}

/** Pushing for one workspace. A node without a signal gets its states for one. */
export function createPushState({ database, workspace, bus, now, onAssigned }: PushStateDeps): PushState {
  const rows = database.inWorkspace(workspace);

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

  return async ({ index, value, phase, at }) => {
    if (!pushed.has(index)) {
      const refusal = await assign(index);
      if (refusal) return { node: null, userErrors: [refusal] };
      pushed.add(index);
      onAssigned();
      // What was true a while ago need not be now: another process may give the node another signal.
      setTimeout(() => pushed.delete(index), 1_000).unref();
    }
    const atMs = Math.min((at ?? now()).getTime(), now().getTime());
    const known = phase == null ? {} : { phase: wrapAngle(phase) };
    const message: StateMessage = { index, value, ...known, atMs };
    await bus.publish({ workspace, name: STATES_TOPIC }, [message]);
    return { node: { index, signal: { own: 'STATE', index } }, userErrors: [] };
  };
}
