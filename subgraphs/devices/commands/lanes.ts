import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';

/** Work that is done for one device at a time. */
export interface LaneTurn {
  readonly workspace: WorkspaceId;
  readonly deviceId: string;
  /** Whether the device has opened a session since the last turn that succeeded. */
  readonly isNewSession: boolean;
}

/** Runs work for devices: at most one turn of a device at a time, and not too many devices at once. */
export interface Lanes {
  /** There is something to do for a device, or there may be. Told during a turn, it causes one more. */
  wake(workspace: WorkspaceId, deviceId: string, isNewSession: boolean): void;
  /** Takes no more turns, and resolves when those that run have ended. */
  close(): Promise<void>;
}

/** What lanes need. */
export interface LanesDeps {
  /** One turn; what it resolves with is after how many milliseconds it wants the next one, undefined for when it is woken. */
  readonly work: (turn: LaneTurn) => Promise<number | undefined>;
  readonly logger: Logger;
  /** Names the work in the log. */
  readonly what: string;
  /** How many turns run at once; those of other devices wait, each once. */
  readonly concurrency?: number;
  /** How long after its first failure a turn is tried again, in milliseconds; each further failure doubles it. */
  readonly retryMs?: number;
}

interface Lane {
  readonly workspace: WorkspaceId;
  readonly deviceId: string;
  isNewSession: boolean;
  state: 'waiting' | 'running' | 'resting';
  /** Whether it was woken during its turn. */
  wokenAgain: boolean;
  failures: number;
  timer: NodeJS.Timeout | undefined;
}

const CONCURRENCY = 32;
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;

/** Makes the lanes. They remember a device only while there is something to do for it. */
export function createLanes(deps: LanesDeps): Lanes {
  const { concurrency = CONCURRENCY } = deps;
  const lanes = new Map<string, Lane>();
  const waiting: Lane[] = [];
  const running = new Set<Promise<void>>();
  let closed = false;

  function queue(lane: Lane): void {
    clearTimeout(lane.timer);
    lane.state = 'waiting';
    waiting.push(lane);
    runWaiting();
  }

  function runWaiting(): void {
    while (!closed && running.size < concurrency) {
      const lane = waiting.shift();
      if (!lane) return;
      const turn: Promise<void> = run(lane).finally(() => {
        running.delete(turn);
        runWaiting();
      });
      running.add(turn);
    }
  }

  async function run(lane: Lane): Promise<void> {
    lane.state = 'running';
    const nextMs = await takeTurn(lane, deps);
    if (lane.wokenAgain) {
      lane.wokenAgain = false;
      queue(lane);
    } else if (nextMs === undefined || closed) {
      lanes.delete(keyOf(lane.workspace, lane.deviceId));
    } else {
      lane.state = 'resting';
      lane.timer = setTimeout(queue, nextMs, lane).unref();
    }
  }

  return {
    wake(workspace, deviceId, isNewSession) {
      if (closed) return;
      const key = keyOf(workspace, deviceId);
      const known = lanes.get(key);
      const lane = known ?? newLane(workspace, deviceId);
      lane.isNewSession ||= isNewSession;
      lanes.set(key, lane);
      if (!known) queue(lane);
      else if (lane.state === 'running') lane.wokenAgain = true;
      else if (lane.state === 'resting' && (isNewSession || lane.failures === 0)) queue(lane);
    },
    async close() {
      closed = true;
      waiting.length = 0;
      for (const { timer } of lanes.values()) clearTimeout(timer);
      await Promise.all(running);
      lanes.clear();
    },
  };
}

/** Does the work; what failed is asked for again after a while. */
async function takeTurn(
  lane: Lane,
  { work, logger, what, retryMs = RETRY_MS }: LanesDeps,
): Promise<number | undefined> {
  const { workspace, deviceId, isNewSession } = lane;
  lane.isNewSession = false;
  try {
    const nextMs = await work({ workspace, deviceId, isNewSession });
    lane.failures = 0;
    return nextMs;
  } catch (error) {
    const nextMs = Math.min(MAX_RETRY_MS, retryMs * 2 ** lane.failures);
    lane.failures += 1;
    lane.isNewSession ||= isNewSession;
    logger.warn({ err: error, workspace, device: deviceId }, `could not ${what}; trying again`);
    return nextMs;
  }
}

function newLane(workspace: WorkspaceId, deviceId: string): Lane {
  return {
    ...{ workspace, deviceId, isNewSession: false, state: 'waiting', wokenAgain: false },
    ...{ failures: 0, timer: undefined },
  };
}

function keyOf(workspace: WorkspaceId, deviceId: string): string {
  return `${workspace}/${deviceId}`;
}
