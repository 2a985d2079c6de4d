import type { Database } from '../../../kernel/database/database.js';
import { EVENTS_TOPIC, type CloudEvent, type EventLog } from '../../../kernel/events/event-log.js';
import type { LiveBus } from '../../../kernel/events/live-bus.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';

/** The device that a fact is about. */
export interface DeviceFact {
  readonly id: string;
  readonly name?: string;
}

/** A fact of the event log about a device, its credentials or its commands. */
export interface StatedDeviceFact extends DeviceFact {
  /** Such as `aegis.device.removed`. */
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Follows the event log of one workspace. */
export interface DeviceFactFollower {
  /** Begins with the next fact. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export interface DeviceFactFollowerDeps {
  readonly workspace: WorkspaceId;
  readonly database: Database;
  readonly log: EventLog;
  readonly bus: LiveBus;
  readonly logger: Logger;
  /** Called for each fact about a device, or a credential or command of one, in order. */
  readonly onFact: (fact: StatedDeviceFact) => void;
  /** How often the log is read even when nothing was announced, in milliseconds. */
  readonly pollMs?: number;
}

/** What is followed: the other facts of the log are none of a device's. */
const FOLLOWED = /^aegis[.](device|credential|command)[.]/;
const PASSING = /^aegis[.]device[.](connected|disconnected|event|labelled|twin[.].+)$/;
const POLL_MS = 5_000;
const PAGE = 100;

/**
 * Makes a follower of the facts about devices. Unlike an event consumer it keeps no place in the database: every process
 * hears every fact, and one that starts knows nothing that could be out of date.
 */
export function createDeviceFactFollower(deps: DeviceFactFollowerDeps): DeviceFactFollower {
  const { workspace, database, log, bus, logger, onFact, pollMs = POLL_MS } = deps;
  let place = 0n;
  let closed = false;
  let following = false;
  let wakeUps = 0;
  let followed: Promise<void> = Promise.resolve();
  let stopListening: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function readOn(): Promise<void> {
    for (let read = PAGE; read === PAGE && !closed;) {
      const events = await log.readAfter(workspace, place, PAGE);
      for (const event of events) {
        for (const fact of readDeviceFacts(event)) onFact(fact);
        place = event.sequence;
      }
      read = events.length;
    }
  }

  async function follow(): Promise<void> {
    try {
      // Whoever wakes it while the log is being read causes it to be read once more.
      for (let seen = -1; seen !== wakeUps && !closed;) {
        seen = wakeUps;
        await readOn();
      }
    } catch (error) {
      logger.error({ err: error, workspace }, 'could not read the event log; trying again');
    }
    following = false;
  }

  function wake(): void {
    wakeUps += 1;
    if (closed || following) return;
    following = true;
    followed = follow();
  }

  return {
    async start() {
      const { client } = database.inWorkspace(workspace);
      const newest = await client.event.findFirst({
        orderBy: { sequence: 'desc' },
        select: { sequence: true },
      });
      place = newest?.sequence ?? 0n;
      stopListening = await bus.listen({ workspace, name: EVENTS_TOPIC }, { onMessages: wake, onLost: wake });
      timer = setInterval(wake, pollMs);
      timer.unref();
    },
    async close() {
      closed = true;
      stopListening?.();
      clearInterval(timer);
      await followed;
    },
  };
}

/** The devices that a fact is about: its subject, or for a fact about many at once those that it lists. */
function readDeviceFacts({ type, subject, data }: CloudEvent): StatedDeviceFact[] {
  if (!FOLLOWED.test(type) || typeof data !== 'object' || data === null) return [];
  if (subject !== undefined) return [{ type, id: subject, data: { ...data }, ...nameOf(data) }];
  const listed: readonly unknown[] = 'devices' in data && Array.isArray(data.devices) ? data.devices : [];
  return listed.flatMap((one) =>
    typeof one === 'object' && one !== null && 'id' in one && typeof one.id === 'string'
      ? [{ type, id: one.id, data: { ...one }, ...nameOf(one) }]
      : [],
  );
}

function nameOf(data: object): { readonly name?: string } {
  return 'name' in data && typeof data.name === 'string' ? { name: data.name } : {};
}

/**
 * Whether a fact means that the device itself is not what it was: not that it came or went, that something was told, or
 * that one of its commands or credentials moved.
 */
export function changesDevice({ type }: StatedDeviceFact): boolean {
  return type.startsWith('aegis.device.') && !PASSING.test(type);
}
