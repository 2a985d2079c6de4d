import { LRUCache } from 'lru-cache';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { SparkplugPayload } from '../../codecs/sparkplug/sparkplug-payload.js';
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
  /**
   * Takes a birth of the node. One that is told again is no new connection: its sessions stay, but for those of devices that
   * are not told of again soon after.
   */
  born(payload: SparkplugPayload): void;
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
/** How long after the birth of a node those of its devices may take, in milliseconds. */
const DEVICE_BIRTHS_MS = 30_000;

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

interface NodeSession {
  readonly session: OpenSession;
  readonly deviceId: string;
}

function createReachedNode({ sessions, now, workspace, name, link }: ReachedNodeDeps) {
  const open = new Map<string | undefined, NodeSession>();
  const state = createSparkplugNode();
  /** The connection of its last birth. */
  let bornBy: object | undefined;
  /** Devices that the present birth has not told of yet. */
  let unborn = new Set<string | undefined>();
  let timer: NodeJS.Timeout | undefined;

  function send(
    { behind, by }: { readonly behind: string | undefined; readonly by: SparkplugLink },
    downlink: Downlink,
    signal: AbortSignal,
  ): Promise<Delivery> {
    const metrics = toCommandMetrics(downlink, (metric) => state.datatypeOf(behind, metric));
    const rest = behind === undefined ? `NCMD/${name}` : `DCMD/${name}/${behind}`;
    const payload = encodeSparkplug({ timestampMs: now(), metrics });
    return by.publish(`spBv1.0/${workspace}/${rest}`, payload, signal);
  }

  const node: ReachedNode & { link: SparkplugLink } = {
    ...{ workspace, name, state, link },
    born(payload) {
      const isAgain = bornBy === node.link.key && state.isBornAgain(payload);
      if (isAgain) awaitDevices();
      else node.closeAll('its edge node was born again', 'closed');
      bornBy = node.link.key;
      state.born(payload);
    },
    open(behind, deviceId) {
      unborn.delete(behind);
      const former = open.get(behind);
      if (former?.deviceId === deviceId) {
        former.session.touch();
        return;
      }
      const by = node.link;
      const session = sessions.open({
        ...{ workspace, deviceId, protocol: 'MQTT', withoutIds: true },
        send: (downlink, signal) => send({ behind, by }, downlink, signal),
        read: () => Promise.reject(tellsByItself()),
        end(reason) {
          session.close(reason, 'closed');
          if (open.get(behind)?.session === session) open.delete(behind);
          by.end(reason);
        },
      });
      open.set(behind, { session, deviceId });
      former?.session.close('it is another device now', 'closed');
    },
    touch(behind) {
      open.get(behind)?.session.touch();
    },
    close(behind, reason, how) {
      open.get(behind)?.session.close(reason, how);
      open.delete(behind);
    },
    closeAll(reason, how) {
      clearTimeout(timer);
      for (const { session } of open.values()) session.close(reason, how);
      open.clear();
    },
  };

  function awaitDevices(): void {
    unborn = new Set([...open.keys()].filter((behind) => behind !== undefined));
    clearTimeout(timer);
    timer = setTimeout(() => {
      for (const behind of unborn) node.close(behind, 'its edge node does not tell of it any more', 'closed');
    }, DEVICE_BIRTHS_MS).unref();
  }

  return node;
}

function tellsByItself(): AegisError {
  return new AegisError(
    'BAD_USER_INPUT',
    'source: expected TWIN, as Sparkplug has no message by which a value is asked for: an edge node reports each change by itself, and the newest is stored.',
  );
}
