import type { Database } from '../../../kernel/database/database.js';
import type { LiveBus } from '../../../kernel/events/live-bus.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { isReadingMessage, READINGS_TOPIC } from '../readings/reading-message.js';
import type { LiveRead } from './live-read.js';
import { currentAtMs, readCurrent } from './storage/current-readings.js';

/** An answer of a device that is waited for. */
export interface AwaitedAnswer {
  /** Resolves once every metric has a reading that answers; who waits has the deadline. */
  readonly arrived: Promise<void>;
  /** Waits no longer. */
  stop(): void;
}

/** Recognises what devices answer that send what they are asked for as any other telemetry. */
export interface DeviceAnswers {
  /** Begins to wait; what arrives once this has resolved counts. */
  expect(read: Pick<LiveRead, 'workspace' | 'deviceId' | 'metrics'>): Promise<AwaitedAnswer>;
  start(): Promise<void>;
  close(): void;
}

export interface DeviceAnswersDeps {
  readonly database: Database;
  readonly bus: LiveBus;
  readonly workspaces: readonly WorkspaceId[];
  readonly now?: () => Date;
}

interface Waiter {
  readonly sinceMs: number;
  /** Metrics without an answer, with the time from which a reading must be current, in milliseconds since 1970. */
  readonly left: Map<string, number>;
  readonly settle: () => void;
}

/**
 * Makes it. A reading answers a question when it arrived after that, and tells no less of now than the one that was there: what
 * a device kept while it was away does, and a time stamp ahead of our clock counts as the time when it arrived. Readings are followed on the live bus, as the one that answers
 * may come to another process; by the clocks of the processes, which are taken to agree.
 */
export function createDeviceAnswers(deps: DeviceAnswersDeps): DeviceAnswers {
  const { database, bus, workspaces, now = () => new Date() } = deps;
  const waiters = new Map<string, Set<Waiter>>();
  const stops: (() => void)[] = [];
  const keyOf = (workspace: WorkspaceId, deviceId: string) => `${workspace}/${deviceId}`;

  function take(workspace: WorkspaceId, message: unknown): void {
    // Most of what is heard is of devices that nobody has asked.
    const waiting = isReadingMessage(message) && waiters.get(keyOf(workspace, message.deviceId));
    if (!waiting) return;
    for (const { sinceMs, left, settle } of waiting) {
      const { metric, measuredAtMs, receivedAtMs } = message;
      const currentFromMs = left.get(metric);
      if (currentFromMs === undefined || receivedAtMs < sinceMs) continue;
      if (Math.min(measuredAtMs, receivedAtMs) < currentFromMs) continue;
      left.delete(metric);
      if (left.size === 0) settle();
    }
  }

  return {
    async expect({ workspace, deviceId, metrics }) {
      const keys = metrics.map((metric) => ({ deviceId, metric }));
      const current = await readCurrent(database, workspace, keys);
      const left = new Map(metrics.map((metric) => [metric, 0]));
      for (const reading of current) if (reading) left.set(reading.metric, currentAtMs(reading));
      let settle: () => void = () => undefined;
      const arrived = new Promise<void>((resolve) => {
        settle = resolve;
      });
      const waiter: Waiter = { sinceMs: now().getTime(), left, settle };
      const key = keyOf(workspace, deviceId);
      const waiting = waiters.get(key) ?? new Set();
      waiters.set(key, waiting.add(waiter));
      return {
        arrived,
        stop() {
          waiting.delete(waiter);
          if (waiting.size === 0 && waiters.get(key) === waiting) waiters.delete(key);
        },
      };
    },
    async start() {
      for (const workspace of workspaces) {
        const onMessages = (messages: readonly unknown[]) => {
          if (waiters.size === 0) return;
          for (const message of messages) take(workspace, message);
        };
        // What is lost on the way is found in storage by who has waited in vain.
        stops.push(
          await bus.listen({ workspace, name: READINGS_TOPIC }, { onMessages, onLost: () => undefined }),
        );
      }
    },
    close() {
      for (const stop of stops.splice(0)) stop();
    },
  };
}
