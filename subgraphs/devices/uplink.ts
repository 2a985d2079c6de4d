import type { WorkspaceId } from '../../kernel/identity/principal.js';
import type { Uplink } from './protocols/protocol.js';
import type { Telemetry } from './readings/ingestion.js';
import type { KnownDevices } from './readings/known-devices.js';
import type { Sessions } from './sessions/session.js';

export interface UplinkDeps extends Omit<Uplink, 'telemetry' | 'refused'> {
  readonly ingest: Uplink['telemetry'];
  readonly devices: KnownDevices;
  readonly sessions: Sessions;
  readonly workspaces: readonly WorkspaceId[];
}

/** Ties what devices send to the rooms that take it, and counts each message as a sign of life. */
export function createUplink({
  ingest,
  devices,
  sessions,
  workspaces,
  ...rooms
}: UplinkDeps): Omit<Uplink, 'refused'> {
  const served = new Map<string, WorkspaceId>(workspaces.map((workspace) => [workspace, workspace]));

  function markSeen({ workspace: name, device: idOrName, protocol }: Telemetry): void {
    const workspace = served.get(name);
    if (workspace === undefined) return;
    const found = devices.find(workspace, idOrName);
    if (!(found instanceof Promise)) {
      if (found) sessions.seen(workspace, found.id, protocol);
      return;
    }
    // What cannot be looked up is told to the sender by ingestion itself.
    void found.then(
      (device) => {
        if (device) sessions.seen(workspace, device.id, protocol);
      },
      () => undefined,
    );
  }

  return {
    ...rooms,
    telemetry(telemetry) {
      const receipt = ingest(telemetry);
      markSeen(telemetry);
      return receipt;
    },
  };
}
