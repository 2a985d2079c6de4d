import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import { decodeSparkplug } from '../../codecs/sparkplug/decode-sparkplug.js';
import { encodeSparkplug } from '../../codecs/sparkplug/encode-sparkplug.js';
import type { SparkplugPayload } from '../../codecs/sparkplug/sparkplug-payload.js';
import type { KnownDevice, KnownDevices } from '../../readings/known-devices.js';
import type { WhenFull } from '../../readings/reading-writer.js';
import type { Sessions } from '../../sessions/session.js';
import type { Uplink } from '../protocol.js';
import { createRebirthRequests, type RebirthRequests } from './rebirth-requests.js';
import { createSparkplugNodes, type ReachedNode, type SparkplugLink } from './sparkplug-nodes.js';
import { sparkplugDeviceName, type SparkplugTopic } from './sparkplug-topic.js';

/** A message on a topic of Sparkplug B; its sender may publish there. */
export interface SparkplugMessage extends Omit<SparkplugTopic, 'workspace'> {
  readonly workspace: WorkspaceId;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly whenFull: WhenFull;
}

/** The host application of Sparkplug: what edge nodes publish becomes telemetry and connectivity. */
export interface Sparkplug {
  /** Resolves once the values are committed. Errors: those of ingestion; BAD_USER_INPUT for no payload of Sparkplug B. */
  take(message: SparkplugMessage, link: SparkplugLink): Promise<void>;
  /**
   * Passes over a message that its node may not send: it moves the node's count of messages, and nothing else. Never throws.
   */
  passOver(message: Pick<SparkplugMessage, 'workspace' | 'node' | 'payload'>, link: SparkplugLink): void;
  /** The connection is gone, and with it the nodes that came by it; those of one workspace where that is given. */
  closed(key: object, workspace?: WorkspaceId): void;
}

export interface SparkplugDeps {
  readonly uplink: Pick<Uplink, 'telemetry' | 'refused'>;
  readonly devices: Pick<KnownDevices, 'find'>;
  readonly sessions: Sessions;
  readonly logger: Logger;
  readonly now?: () => number;
  /** How often a node is asked for its birth at most, in milliseconds. */
  readonly rebirthPauseMs?: number;
}

/** Whatever the profile says: it came as Sparkplug B. */
const SPARKPLUG_TYPE = 'application/vnd.eclipse.sparkplug.b';

/**
 * Makes the host application. The group is the workspace; an edge node is the device of its name, and a device behind it
 * the one named `<edge node>.<device>`. Metrics that the device does not declare are left out: births tell of all that a
 * node has.
 *
 * Source: Sparkplug 3.0.0, §4 (topics), §5 (operation), §6.4 (payload B).
 */
export function createSparkplug(deps: SparkplugDeps): Sparkplug {
  const { uplink, devices, sessions, logger, now = Date.now } = deps;
  const nodes = createSparkplugNodes({ sessions, now });
  const rebirths = createRebirthRequests({ logger, now, pauseMs: deps.rebirthPauseMs });

  /** Keeps what never comes to ingestion, and gives its error back. */
  function refuse(message: SparkplugMessage, error: AegisError): AegisError {
    const { workspace, payload } = message;
    uplink.refused({ workspace, device: sparkplugDeviceName(message), payload, kind: 'TELEMETRY', error });
    return error;
  }

  function decode(message: SparkplugMessage): SparkplugPayload {
    try {
      return decodeSparkplug(message.payload);
    } catch (error) {
      throw error instanceof AegisError ? refuse(message, error) : error;
    }
  }

  async function takeValues(
    node: ReachedNode,
    message: SparkplugMessage,
    payload: SparkplugPayload,
  ): Promise<void> {
    const { workspace, behind, topic, whenFull } = message;
    const resolved = node.state.resolve(behind, payload);
    if (!resolved.complete) rebirths.ask(node);
    const name = sparkplugDeviceName(message);
    const device = await devices.find(workspace, name);
    if (!device) throw refuse(message, unknownDevice(name));
    if (message.kind.endsWith('BIRTH')) node.open(behind, device.id);
    else node.touch(behind);
    const metrics = resolved.payload.metrics.filter((metric) => isDeclared(device, metric.name ?? ''));
    if (metrics.length === 0) return;
    await uplink.telemetry({
      ...{ workspace, device: device.id, whenFull, protocol: 'MQTT', source: topic },
      contentType: SPARKPLUG_TYPE,
      payload: encodeSparkplug({ ...resolved.payload, metrics, timestampMs: payload.timestampMs ?? now() }),
    });
  }

  return {
    async take(message, link) {
      const { kind, behind } = message;
      if (kind === 'NCMD' || kind === 'DCMD') return;
      const payload = decode(message);
      const node = nodes.of(message, link);
      if (kind === 'NDEATH') {
        takeDeath(node, payload, rebirths);
        return;
      }
      if (kind === 'NBIRTH') {
        node.born(payload);
        rebirths.settled(node);
      } else if (!node.state.follows(payload)) rebirths.ask(node);
      if (kind === 'DDEATH') {
        node.close(behind, 'its edge node says that it died', 'lost');
        return;
      }
      if (kind === 'DBIRTH' && behind !== undefined) node.state.deviceBorn(behind, payload);
      await takeValues(node, message, payload);
    },
    passOver(message, link) {
      const payload = decodeIfPossible(message.payload);
      if (!payload) return;
      const node = nodes.of(message, link);
      if (!node.state.follows(payload)) rebirths.ask(node);
    },
    closed(key, workspace) {
      for (const node of nodes.list()) {
        if (node.link.key !== key || (workspace !== undefined && node.workspace !== workspace)) continue;
        rebirths.settled(node);
        node.state.died();
        node.closeAll('the connection of its edge node is gone', 'lost');
      }
    },
  };
}

function decodeIfPossible(payload: Uint8Array): SparkplugPayload | undefined {
  try {
    return decodeSparkplug(payload);
  } catch {
    return undefined;
  }
}

/** A death that was left with the broker by a connection before the present one tells nothing of this one. */
function takeDeath(node: ReachedNode, payload: SparkplugPayload, rebirths: RebirthRequests): void {
  if (!node.state.isDeath(payload)) return;
  rebirths.settled(node);
  node.state.died();
  node.closeAll('its edge node died', 'lost');
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
