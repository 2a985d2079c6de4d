import { LRUCache } from 'lru-cache';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import { encodeSparkplug } from '../../codecs/sparkplug/encode-sparkplug.js';
import type { Delivery, Downlink, OpenSession, Sessions } from '../../sessions/session.js';
import { toCommandMetrics } from './sparkplug-commands.js';
import { createSparkplugNode, type SparkplugNode } from './sparkplug-node.js';

/** The connection by which an edge node is reached. */
export interface SparkplugLink {
  /** The same for all messages of one connection. */
  readonly key: object;
  publish(topic: string, payload: Uint8Array, signal: AbortSignal): Promise<Delivery>;
  /** Ends the connection, where that is ours. */
  end(reason: string): void;
}

/** An edge node, and the sessions of it and of the devices behind it. */
export interface ReachedNode {
  readonly workspace: WorkspaceId;
  readonly name: string;
  readonly state: SparkplugNode;
  readonly link: SparkplugLink;
  /** When it was last asked for its birth, in milliseconds. */
  askedAtMs: number;
  /** @param behind the device behind the node; the node itself when undefined. */
  open(behind: string | undefined, deviceId: string): void;
  touch(behind: string | undefined): void;
  close(behind: string | undefined, reason: string, how: 'closed' | 'lost'): void;
  closeAll(reason: string, how: 'closed' | 'lost'): void;
}

/** The edge nodes that were heard. */
export interface SparkplugNodes {
  /** The one that a message came from, by this connection. */
  of(source: { readonly workspace: WorkspaceId; readonly node: string }, link: SparkplugLink): ReachedNode;
  list(): readonly ReachedNode[];
}

export interface SparkplugNodesDeps {
  readonly sessions: Sessions;
  readonly now: () => number;
}

/** The most edge nodes that are remembered; of one that is not, a birth is asked for. */
const MAX_NODES = 10_000;

/** Makes the table; the node heard longest ago is forgotten for one more. */
export function createSparkplugNodes(deps: SparkplugNodesDeps): SparkplugNodes {
  const nodes = new LRUCache<string, ReachedNode & { link: SparkplugLink }>({
    max: MAX_NODES,
    dispose: (node) => {
      node.closeAll('there are too many edge nodes', 'closed');
    },
  });
  return {
    of({ workspace, node: name }, link) {
      const key = `${workspace}/${name}`;
      const node = nodes.get(key) ?? createReachedNode({ ...deps, workspace, name, link });
      node.link = link;
      if (!nodes.has(key)) nodes.set(key, node);
      return node;
    },
    list: () => [...nodes.values()],
  };
}

interface ReachedNodeDeps extends SparkplugNodesDeps {
  readonly workspace: WorkspaceId;
  readonly name: string;
  readonly link: SparkplugLink;
}

function createReachedNode({ sessions, now, workspace, name, link }: ReachedNodeDeps) {
  const open = new Map<string | undefined, OpenSession>();
  const state = createSparkplugNode();

  function send(behind: string | undefined, downlink: Downlink, signal: AbortSignal): Promise<Delivery> {
    const metrics = toCommandMetrics(downlink, (metric) => state.datatypeOf(behind, metric));
    const rest = behind === undefined ? `NCMD/${name}` : `DCMD/${name}/${behind}`;
    const payload = encodeSparkplug({ timestampMs: now(), metrics });
    return node.link.publish(`spBv1.0/${workspace}/${rest}`, payload, signal);
  }

  const node: ReachedNode & { link: SparkplugLink } = {
    ...{ workspace, name, state, link, askedAtMs: -Infinity },
    open(behind, deviceId) {
      const former = open.get(behind);
      const session = sessions.open({
        ...{ workspace, deviceId, protocol: 'MQTT' },
        send: (downlink, signal) => send(behind, downlink, signal),
        end(reason) {
          session.close(reason, 'closed');
          node.link.end(reason);
        },
      });
      open.set(behind, session);
      former?.close('it was born again', 'closed');
    },
    touch(behind) {
      open.get(behind)?.touch();
    },
    close(behind, reason, how) {
      open.get(behind)?.close(reason, how);
      open.delete(behind);
    },
    closeAll(reason, how) {
      for (const session of open.values()) session.close(reason, how);
      open.clear();
    },
  };
  return node;
}
