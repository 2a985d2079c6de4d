import type { Logger } from '../../../kernel/telemetry/logger.js';
import { sendDown } from '../sessions/send-down.js';
import type { Sessions } from '../sessions/session.js';
import { createSessionLanes, type SessionLanes } from '../sessions/session-lanes.js';
import type { TwinStore } from './storage/twin-store.js';

/** Hands devices what is desired of them: when they connect, and at once while they are connected to this process. */
export type DesiredDelivery = SessionLanes;

export interface DesiredDeliveryDeps {
  readonly store: TwinStore;
  readonly sessions: Sessions;
  readonly logger: Logger;
}

/**
 * Makes the delivery. A device is handed the whole of what is desired, with its version: whatever was lost on the way, the
 * last one that arrives is right. On connecting, a device that has reported all of it is handed nothing.
 */
export function createDesiredDelivery({ store, sessions, logger }: DesiredDeliveryDeps): DesiredDelivery {
  return createSessionLanes({
    ...{ sessions, logger },
    what: 'hand a device what is desired of it',
    async work({ workspace, deviceId, isNewSession }, signal) {
      const session = sessions.find(workspace, deviceId);
      if (!session || session.takes?.('desired') === false) return undefined;
      const due = await store.findDue(workspace, deviceId, isNewSession);
      if (!due) return undefined;
      await sendDown(session, { kind: 'desired', ...due }, signal);
      await store.markDelivered(workspace, deviceId, due.version);
      return undefined;
    },
  });
}
