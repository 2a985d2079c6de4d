import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import { createLanes } from '../commands/lanes.js';
import { sendDown } from '../sessions/send-down.js';
import type { Sessions } from '../sessions/session.js';
import type { TwinStore } from './storage/twin-store.js';

/** Hands devices what is desired of them: when they connect, and at once while they are connected to this process. */
export interface DesiredDelivery {
  start(): void;
  /** What is desired of a device has changed, here or in another process. Does nothing for one that is not connected here. */
  wake(workspace: WorkspaceId, deviceId: string): void;
  close(): Promise<void>;
}

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
  const closing = new AbortController();
  let stopListening: (() => void) | undefined;
  const lanes = createLanes({
    what: 'hand a device what is desired of it',
    logger,
    async work({ workspace, deviceId, isNewSession }) {
      const session = sessions.find(workspace, deviceId);
      if (!session || session.takes?.('desired') === false) return undefined;
      const due = await store.findDue(workspace, deviceId, isNewSession);
      if (!due) return undefined;
      await sendDown(session, { kind: 'desired', ...due }, closing.signal);
      await store.markDelivered(workspace, deviceId, due.version);
      return undefined;
    },
  });
  return {
    start() {
      stopListening = sessions.onOpen(({ workspace, deviceId }) => {
        lanes.wake(workspace, deviceId, true);
      });
    },
    wake(workspace, deviceId) {
      if (sessions.find(workspace, deviceId)) lanes.wake(workspace, deviceId, false);
    },
    async close() {
      stopListening?.();
      closing.abort();
      await lanes.close();
    },
  };
}
