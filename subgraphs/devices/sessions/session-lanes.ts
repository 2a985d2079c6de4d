import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import { createLanes, type LaneTurn } from '../commands/lanes.js';
import type { Sessions } from './session.js';

/** Work for devices that are connected to this process, one lane for each: when they connect, and when there is more. */
export interface SessionLanes {
  start(): void;
  /** There is more for a device. Does nothing for one that is not connected here. */
  wake(workspace: WorkspaceId, deviceId: string): void;
  close(): Promise<void>;
}

export interface SessionLanesDeps {
  readonly sessions: Sessions;
  readonly logger: Logger;
  /** For the log, as in `send a command`. */
  readonly what: string;
  /** Works for one device; the signal says that all of it closes. Gives after how many milliseconds to come again, if so. */
  readonly work: (turn: LaneTurn, signal: AbortSignal) => Promise<number | undefined>;
}

/** Makes lanes that follow the sessions of devices. */
export function createSessionLanes({ sessions, logger, what, work }: SessionLanesDeps): SessionLanes {
  const closing = new AbortController();
  let stopListening: (() => void) | undefined;
  const lanes = createLanes({ logger, what, work: (turn) => work(turn, closing.signal) });
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
