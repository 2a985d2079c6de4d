import type { PublishToBroker } from '../../../../kernel/messaging/broker-client.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type {
  Delivery,
  DeviceSession,
  Downlink,
  OpenSession,
  ReadQuestion,
  Sessions,
} from '../../sessions/session.js';
import { toDownlinkJson } from '../downlink-json.js';
import { DOWN_TOPICS } from './device-topic.js';

/** The devices that are reached by a broker of its own, as far as is known: by their status topics, and by being heard. */
export interface BrokerSessions {
  /** Its status topic says that it is there, or is not. */
  tells(workspace: WorkspaceId, deviceId: string, online: boolean): void;
  heard(workspace: WorkspaceId, deviceId: string): void;
  /** Closes those that were not heard for a while, and whose status does not say that they are there. */
  closeSilent(): void;
  closeAll(reason: string): void;
}

export interface BrokerSessionsDeps {
  readonly sessions: Sessions;
  /** Resolves once the broker has the message. */
  readonly publish: PublishToBroker;
  /** How a device's topics name it. */
  readonly nameOf: (workspace: WorkspaceId, deviceId: string) => Promise<string>;
  readonly silentMs: number;
  readonly now?: () => number;
}

interface Entry {
  readonly open: OpenSession;
  /** Whether its status topic has said so: then silence means nothing. */
  told: boolean;
  heardAtMs: number;
}

/** Makes the table. Its bound is that of the registered devices. */
export function createBrokerSessions(deps: BrokerSessionsDeps): BrokerSessions {
  const { sessions, silentMs, now = Date.now } = deps;
  const entries = new Map<string, Entry>();

  function toSession(workspace: WorkspaceId, deviceId: string, key: string): DeviceSession {
    const send = async (downlink: Downlink | ReadQuestion, signal: AbortSignal): Promise<Delivery> => {
      const name = await deps.nameOf(workspace, deviceId);
      const topic = `aegis/${workspace}/${name}/${DOWN_TOPICS[downlink.kind]}`;
      // A question that nobody waits for is kept for no device that is away.
      const expiresAt = downlink.kind === 'read' ? downlink.expiresAt : undefined;
      await deps.publish(topic, JSON.stringify(toDownlinkJson(downlink)), signal, expiresAt);
      // The broker has it; whether the device has, it tells by its answer alone.
      return 'SENT';
    };
    return {
      ...{ workspace, deviceId, protocol: 'MQTT', send, ask: send },
      // Whose connections end is the broker's to decide.
      end: (reason) => {
        close(key, reason, 'closed');
      },
    };
  }

  function close(key: string, reason: string, how: 'closed' | 'lost'): void {
    entries.get(key)?.open.close(reason, how);
    entries.delete(key);
  }

  function ensure(workspace: WorkspaceId, deviceId: string, told: boolean): void {
    const key = `${workspace}/${deviceId}`;
    const known = entries.get(key);
    if (known) {
      known.heardAtMs = now();
      known.told ||= told;
      known.open.touch();
      return;
    }
    const open = sessions.open(toSession(workspace, deviceId, key));
    entries.set(key, { open, told, heardAtMs: now() });
  }

  return {
    tells(workspace, deviceId, online) {
      if (online) ensure(workspace, deviceId, true);
      else close(`${workspace}/${deviceId}`, 'its status says that it is offline', 'lost');
    },
    heard(workspace, deviceId) {
      ensure(workspace, deviceId, false);
    },
    closeSilent() {
      for (const [key, { told, heardAtMs }] of entries) {
        if (told || now() - heardAtMs <= silentMs) continue;
        close(key, `nothing was heard from it for ${Math.round(silentMs / 1_000)} s`, 'closed');
      }
    },
    closeAll(reason) {
      for (const key of [...entries.keys()]) close(key, reason, 'closed');
    },
  };
}
