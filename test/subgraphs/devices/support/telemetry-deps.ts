import { createLogger } from '../../../../kernel/telemetry/logger.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { ProtocolDeps, Uplink } from '../../../../subgraphs/devices/protocols/protocol.js';
import { createSessions } from '../../../../subgraphs/devices/sessions/sessions.js';

/** What a protocol needs that is tested without a subgraph behind it: everybody in, and what it sends up to `telemetry`. */
export function createTelemetryDeps(workspace: WorkspaceId, telemetry: Uplink['telemetry']) {
  const logger = createLogger({ level: 'silent', pretty: false });
  const refuse = () => Promise.reject(new Error('this test sends telemetry alone'));
  const ignore = () => undefined;
  const presence = { connected: ignore, gone: ignore, heard: ignore };
  return {
    uplink: {
      ...{ telemetry, report: refuse, answer: refuse, event: refuse, claim: refuse, refused: ignore },
      mayClaim: () => Promise.resolve(false),
    },
    admit: () => Promise.resolve({ workspace, deviceId: undefined, credentialId: undefined }),
    sessions: createSessions({ presence, logger }),
    logger,
    maxPayloadBytes: 1_000_000,
    devices: { find: () => undefined },
    workspaces: [workspace],
  } satisfies ProtocolDeps & Record<string, unknown>;
}
