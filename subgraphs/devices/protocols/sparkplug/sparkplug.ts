import { LRUCache } from 'lru-cache';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import { decodeSparkplug } from '../../codecs/sparkplug/decode-sparkplug.js';
import { encodeSparkplug } from '../../codecs/sparkplug/encode-sparkplug.js';
import type { SparkplugPayload } from '../../codecs/sparkplug/sparkplug-payload.js';
import type { KnownDevice, KnownDevices } from '../../readings/known-devices.js';
import type { WhenFull } from '../../readings/reading-writer.js';
import type { Delivery, Downlink, OpenSession, Sessions } from '../../sessions/session.js';
import type { Uplink } from '../protocol.js';
import { REBIRTH, toCommandMetrics } from './sparkplug-commands.js';
import { createSparkplugNode, type SparkplugNode } from './sparkplug-node.js';
import { sparkplugDeviceName, type SparkplugTopic } from './sparkplug-topic.js';

/** A message on a topic of Sparkplug B; its sender may publish there. */
export interface SparkplugMessage extends Omit<SparkplugTopic, 'workspace'> {
  readonly workspace: WorkspaceId;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly whenFull: WhenFull;
}

/** The connection by which an edge node is reached. */
export interface SparkplugLink {
  /** The same for all messages of one connection. */
  readonly key: object;
  publish(topic: string, payload: Uint8Array, signal: AbortSignal): Promise<Delivery>;
  /** Ends the connection, where that is ours. */
  end(reason: string): void;
}

/** The host application of Sparkplug: what edge nodes publish becomes telemetry and connectivity. */
export interface Sparkplug {
  /** Resolves once the values are committed. Errors: those of ingestion; BAD_USER_INPUT for no payload of Sparkplug B. */
  take(message: SparkplugMessage, link: SparkplugLink): Promise<void>;
  /** The connection is gone, and with it the nodes that came by it. */
  closed(key: object): void;
}

export interface SparkplugDeps {
  readonly uplink: Pick<Uplink, 'telemetry'>;
  readonly devices: Pick<KnownDevices, 'find'>;
  readonly sessions: Sessions;
  readonly logger: Logger;
  readonly now?: () => number;
}

/** The most edge nodes that are remembered; of one that is not, a birth is asked for. */
const MAX_NODES = 10_000;
/** How often a node is asked for its birth at most, in milliseconds. */
const REBIRTH_PAUSE_MS = 5_000;
const REBIRTH_DEADLINE_MS = 5_000;
/** Whatever the profile says: it came as Sparkplug B. */
const SPARKPLUG_TYPE = 'application/vnd.eclipse.sparkplug.b';

interface Node {
  readonly state: SparkplugNode;
  /** By the device behind it; undefined for itself. */
  readonly open: Map<string | undefined, OpenSession>;
  link: SparkplugLink;
  askedAtMs: number;
}

/**
 * Makes the host application. The group is the workspace; an edge node is the device of its name, and a device behind it
 * the one named `<edge node>.<device>`. Metrics that the device does not declare are left out: births tell of all that a
 * node has.
 *
 * Source: Sparkplug 3.0.0, §4 (topics), §5 (operation), §6.4 (payload B).
 */
export function createSparkplug(deps: SparkplugDeps): Sparkplug {
  const { uplink, devices, sessions, logger, now = Date.now } = deps;
  const nodes = new LRUCache<string, Node>({
    max: MAX_NODES,
    dispose: (node) => {
      closeAll(node, 'too many edge nodes', 'closed');
    },
  });

  function nodeOf({ workspace, node: name }: SparkplugMessage, link: SparkplugLink): Node {
    const key = `${workspace}/${name}`;
    const known = nodes.get(key);
    if (known) {
      known.link = link;
      return known;
    }
    const node: Node = { state: createSparkplugNode(), open: new Map(), link, askedAtMs: -Infinity };
    nodes.set(key, node);
    return node;
  }

  function askForBirth(node: Node, { workspace, node: name }: SparkplugMessage): void {
    if (now() - node.askedAtMs < REBIRTH_PAUSE_MS) return;
    node.askedAtMs = now();
    const payload = encodeSparkplug({ timestampMs: now(), metrics: [REBIRTH] });
    node.link
      .publish(`spBv1.0/${workspace}/NCMD/${name}`, payload, AbortSignal.timeout(REBIRTH_DEADLINE_MS))
      .catch((error: unknown) => {
        logger.debug({ err: error, node: name }, 'could not ask an edge node for its birth');
      });
  }

  function openSession(node: Node, message: SparkplugMessage, device: KnownDevice): void {
    const { workspace, node: name, behind } = message;
    const former = node.open.get(behind);
    const kind = behind === undefined ? 'NCMD' : 'DCMD';
    const topic = `spBv1.0/${workspace}/${kind}/${name}${behind === undefined ? '' : `/${behind}`}`;
    const open = sessions.open({
      ...{ workspace, deviceId: device.id, protocol: 'MQTT' },
      send: (downlink, signal) => sendDown(node, { topic, behind, downlink }, signal),
      end(reason) {
        open.close(reason, 'closed');
        node.link.end(reason);
      },
    });
    node.open.set(behind, open);
    former?.close('it was born again', 'closed');
  }

  function sendDown(
    { link, state }: Node,
    { topic, behind, downlink }: { topic: string; behind: string | undefined; downlink: Downlink },
    signal: AbortSignal,
  ): Promise<Delivery> {
    const metrics = toCommandMetrics(downlink, (metric) => state.datatypeOf(behind, metric));
    return link.publish(topic, encodeSparkplug({ timestampMs: now(), metrics }), signal);
  }

  async function takeValues(node: Node, message: SparkplugMessage, payload: SparkplugPayload): Promise<void> {
    const { workspace, behind, topic, whenFull } = message;
    const resolved = node.state.resolve(behind, payload);
    if (!resolved.complete) askForBirth(node, message);
    const name = sparkplugDeviceName(message);
    const device = await devices.find(workspace, name);
    if (!device) throw unknownDevice(name);
    if (message.kind.endsWith('BIRTH')) openSession(node, message, device);
    else node.open.get(behind)?.touch();
    const metrics = resolved.payload.metrics.filter(({ name = '' }) => isDeclared(device, name));
    if (metrics.length === 0) return;
    await uplink.telemetry({
      ...{ workspace, device: device.id, whenFull, protocol: 'MQTT', source: topic },
      contentType: SPARKPLUG_TYPE,
      payload: encodeSparkplug({ ...resolved.payload, metrics, timestampMs: payload.timestampMs ?? now() }),
    });
  }

  async function takeDeath(
    node: Node,
    { behind, kind }: SparkplugMessage,
    payload: SparkplugPayload,
  ): Promise<void> {
    if (kind === 'DDEATH') {
      if (!node.state.follows(payload)) node.state.died();
      node.open.get(behind)?.close('its edge node says that it died', 'lost');
      node.open.delete(behind);
      return;
    }
    // A death that was left with the broker by a connection before the present one tells nothing of this one.
    if (!node.state.isDeath(payload)) return;
    node.state.died();
    closeAll(node, 'its edge node died', 'lost');
  }

  return {
    async take(message, link) {
      const { kind, behind } = message;
      if (kind === 'NCMD' || kind === 'DCMD') return;
      const payload = decodeSparkplug(message.payload);
      const node = nodeOf(message, link);
      if (kind === 'NDEATH' || kind === 'DDEATH') return takeDeath(node, message, payload);
      if (kind === 'NBIRTH') {
        closeAll(node, 'its edge node was born again', 'closed');
        node.state.born(payload);
      } else if (!node.state.follows(payload)) askForBirth(node, message);
      if (kind === 'DBIRTH' && behind !== undefined) node.state.deviceBorn(behind, payload);
      return takeValues(node, message, payload);
    },
    closed(key) {
      for (const node of nodes.values()) {
        if (node.link.key !== key) continue;
        node.state.died();
        closeAll(node, 'the connection of its edge node is gone', 'lost');
      }
    },
  };
}

function closeAll({ open }: Node, reason: string, how: 'closed' | 'lost'): void {
  for (const session of open.values()) session.close(reason, how);
  open.clear();
}

/** Slashes of Sparkplug are points of Aegis. */
function isDeclared({ metrics }: KnownDevice, name: string): boolean {
  return metrics.has(name.replaceAll('/', '.'));
}

function unknownDevice(name: string): AegisError {
  return new AegisError(
    'NOT_FOUND',
    `Sparkplug: there is no device ${JSON.stringify(name.slice(0, 64))} in this workspace; register it with registerDevice first.`,
  );
}
