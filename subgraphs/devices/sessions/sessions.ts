import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import type { ProtocolKind } from '../protocols/protocol-kind.js';
import type { DeviceSession, OpenSession, Sessions } from './session.js';

/** Told of what is heard from devices, so that others see who is connected. Cheap: called for each message. */
export interface Presence {
  connected(workspace: WorkspaceId, deviceId: string, protocol: ProtocolKind): void;
  /** The last connection of a device is gone; without a reason as those of its protocol are now and again. */
  gone(workspace: WorkspaceId, deviceId: string, reason: string | undefined): void;
  heard(workspace: WorkspaceId, deviceId: string, protocol: ProtocolKind): void;
}

/** The sessions of this process, as those see them who look after all of them. */
export interface SessionTable extends Sessions {
  list(): readonly DeviceSession[];
}

export interface SessionsDeps {
  readonly presence: Presence;
  readonly logger: Logger;
}

/**
 * Makes the table of who is connected to this process. Its bound is that of the connections which protocols take. A device
 * may be connected several times: the newest session counts, and it is gone when the last one is.
 */
export function createSessions({ presence, logger }: SessionsDeps): SessionTable {
  /** By workspace and device, the newest last. */
  const byWorkspace = new Map<WorkspaceId, Map<string, DeviceSession[]>>();
  const listeners = new Set<(session: DeviceSession) => void>();

  function sessionsOf(workspace: WorkspaceId, deviceId: string): readonly DeviceSession[] {
    return byWorkspace.get(workspace)?.get(deviceId) ?? [];
  }

  function add(session: DeviceSession): void {
    const devices = byWorkspace.get(session.workspace) ?? new Map<string, DeviceSession[]>();
    byWorkspace.set(session.workspace, devices);
    const open = devices.get(session.deviceId) ?? [];
    devices.set(session.deviceId, open);
    open.push(session);
  }

  /** Whether it was the device's last. */
  function remove(session: DeviceSession): boolean {
    const devices = byWorkspace.get(session.workspace);
    const left = (devices?.get(session.deviceId) ?? []).filter((one) => one !== session);
    if (left.length > 0) devices?.set(session.deviceId, left);
    else devices?.delete(session.deviceId);
    return left.length === 0;
  }

  function tell(session: DeviceSession): void {
    for (const listener of listeners) {
      try {
        listener(session);
      } catch (error) {
        logger.error({ err: error, device: session.deviceId }, 'could not act on a new session');
      }
    }
  }

  return {
    open(session): OpenSession {
      const { workspace, deviceId, protocol } = session;
      let closed = false;
      add(session);
      presence.connected(workspace, deviceId, protocol);
      if (session.upOnly !== true) tell(session);
      return {
        touch() {
          if (!closed) presence.heard(workspace, deviceId, protocol);
        },
        close(reason, how) {
          if (closed) return;
          closed = true;
          if (!remove(session)) return;
          // Between two polls of a device nothing is wrong.
          if (protocol === 'HTTP' && how === 'closed') presence.gone(workspace, deviceId, undefined);
          else presence.gone(workspace, deviceId, how === 'lost' ? `lost: ${reason}` : reason);
        },
      };
    },
    seen(workspace, deviceId, protocol) {
      presence.heard(workspace, deviceId, protocol);
    },
    find: (workspace, deviceId) => sessionsOf(workspace, deviceId).findLast(({ upOnly }) => upOnly !== true),
    end(workspace, deviceId, reason, credentialId) {
      for (const session of [...sessionsOf(workspace, deviceId)]) {
        if (credentialId === undefined || session.credentialId === credentialId) session.end(reason);
      }
    },
    list: () => [...byWorkspace.values()].flatMap((devices) => [...devices.values()].flat()),
    onOpen(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
