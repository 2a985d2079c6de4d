import type { Socket } from 'node:net';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type {
  Delivery,
  DeviceSession,
  Downlink,
  OpenSession,
  ReadQuestion,
  Sessions,
} from '../../sessions/session.js';
import { toDownlinkJson } from '../downlink-json.js';
import type { DevicePrincipal } from '../protocol.js';
import { createAcknowledgedWriter, type AcknowledgedWriter } from './acknowledged-writer.js';
import { DOWN_TOPICS, type DownKind } from './device-topic.js';

/** Who is at the other end of a connection to the embedded broker. */
export interface MqttPeer {
  readonly socket: Socket;
  readonly writer: AcknowledgedWriter;
  /** Undefined until it has been let in. */
  principal(): DevicePrincipal | undefined;
  admitted(principal: DevicePrincipal): void;
  /** The broker serves it from now on: a device is connected. */
  ready(): void;
  /** It listens for what a device is told; what waits for the device is sent now. */
  listens(deviceId: string, kind: DownKind, target: DownTarget): void;
  deaf(topic: string): void;
  /** It says of a device that it is there, or is not: a bridge does for those behind it. */
  tells(deviceId: string, online: boolean): void;
  heard(deviceId: string): void;
  /** Ends the connection. */
  end(): void;
  /** It has said goodbye. */
  leaves(): void;
  closed(): void;
}

interface DownTarget {
  readonly topic: string;
  readonly qos: 0 | 1;
}

interface Link {
  readonly targets: Map<DownKind, DownTarget>;
  open: OpenSession;
}

export interface MqttPeerDeps {
  readonly sessions: Sessions;
  readonly socket: Socket;
  /** The most devices that one connection may stand for. */
  readonly maxDevices?: number;
}

const MAX_DEVICES = 10_000;

/**
 * Makes the peer of one connection. A device with credentials of its own has a session from its CONNECT on; behind a key
 * of the workspace a device has one as soon as the connection listens for its commands, or says that it is there.
 */
export function createMqttPeer({ sessions, socket, maxDevices = MAX_DEVICES }: MqttPeerDeps): MqttPeer {
  const writer = createAcknowledgedWriter(socket);
  const links = new Map<string, Link>();
  let known: DevicePrincipal | undefined;
  let goodbye = false;
  let endedFor: string | undefined;

  function toSession(
    deviceId: string,
    { workspace, credentialId }: DevicePrincipal,
    targets: Link['targets'],
  ): DeviceSession {
    const send = async (downlink: Downlink | ReadQuestion, signal: AbortSignal): Promise<Delivery> => {
      const kind = DOWN_TOPICS[downlink.kind];
      const target = targets.get(kind);
      if (!target)
        throw new AegisError('UNAVAILABLE', `MQTT: the device has not subscribed to its topic ${kind}.`);
      return writer.publish({ ...target, payload: JSON.stringify(toDownlinkJson(downlink)) }, signal);
    };
    return {
      ...{ workspace, deviceId, credentialId, protocol: 'MQTT', send, ask: send },
      takes: (kind) => targets.has(DOWN_TOPICS[kind]),
      end(reason) {
        endedFor = reason;
        // MQTT 3.1.1 has no word by which a server says goodbye.
        socket.destroy();
      },
    };
  }

  /** Opens a session, or opens it anew: whoever waits for one is told. */
  function open(deviceId: string, targets: Link['targets']): void {
    const former = links.get(deviceId);
    if (!known || endedFor !== undefined || (!former && links.size >= maxDevices)) return;
    links.set(deviceId, { targets, open: sessions.open(toSession(deviceId, known, targets)) });
    // Only after the new one is there: the device is connected all the time.
    former?.open.close('it was opened anew', 'closed');
  }

  function closeLink(deviceId: string, reason: string, how: 'closed' | 'lost'): void {
    links.get(deviceId)?.open.close(reason, how);
    links.delete(deviceId);
  }

  return {
    ...{ socket, writer },
    principal: () => known,
    admitted(principal) {
      known = principal;
    },
    ready() {
      if (known?.deviceId !== undefined) open(known.deviceId, new Map());
    },
    listens(deviceId, kind, target) {
      const targets = links.get(deviceId)?.targets ?? new Map<DownKind, DownTarget>();
      targets.set(kind, target);
      open(deviceId, targets);
    },
    deaf(topic) {
      for (const { targets } of links.values()) {
        for (const [kind, target] of targets) if (target.topic === topic) targets.delete(kind);
      }
    },
    tells(deviceId, online) {
      // Of a device with credentials of its own the connection itself tells.
      if (known?.deviceId !== undefined) return;
      if (!online) closeLink(deviceId, 'its status says that it is offline', 'closed');
      else if (!links.has(deviceId)) open(deviceId, new Map());
    },
    heard(deviceId) {
      links.get(deviceId)?.open.touch();
    },
    end() {
      socket.destroy();
    },
    leaves() {
      goodbye = true;
    },
    closed() {
      writer.close();
      const reason = endedFor ?? (goodbye ? 'it disconnected' : 'its connection broke without a goodbye');
      const how = goodbye || endedFor !== undefined ? 'closed' : 'lost';
      for (const deviceId of [...links.keys()]) closeLink(deviceId, reason, how);
      endedFor = reason;
    },
  };
}
