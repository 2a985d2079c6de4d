import type { LiveBus } from '../../../kernel/events/live-bus.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import type { ReadingModel } from '../models.js';
import { isReadingMessage, READINGS_TOPIC, type ReadingMessage } from './reading-message.js';

/** A committed reading on its way to those who listen. */
export interface LiveReading {
  readonly sequence: bigint;
  /** No reading lies between this sequence and its own. */
  readonly previousSequence: bigint;
  readonly reading: ReadingModel;
}

/** Receives readings as they are committed. */
export interface ReadingListener {
  onReadings(readings: readonly LiveReading[]): void;
  /** Some may have been lost on the way. */
  onLost(): void;
}

/** The live readings of every workspace: read and checked once, handed to everybody who listens. */
export interface LiveReadings {
  start(): Promise<void>;
  /** Begins to listen; the returned function ends it. */
  listen(workspace: WorkspaceId, listener: ReadingListener): () => void;
  close(): void;
}

export interface LiveReadingsDeps {
  readonly bus: LiveBus;
  readonly workspaces: readonly WorkspaceId[];
  readonly logger: Logger;
}

/** Makes the fan-out of live readings: one listener on the bus for each workspace, however many subscribers there are. */
export function createLiveReadings({ bus, workspaces, logger }: LiveReadingsDeps): LiveReadings {
  const listenersByWorkspace = new Map<WorkspaceId, Set<ReadingListener>>();
  const stops: (() => void)[] = [];

  function onMessages(listeners: ReadonlySet<ReadingListener>, messages: readonly unknown[]): void {
    if (listeners.size === 0) return;
    if (messages.every(isReadingMessage)) {
      // Made once, whoever listens: subscribers, alarms, fusions.
      const readings = messages.map(toLiveReading);
      for (const listener of listeners) listener.onReadings(readings);
      return;
    }
    logger.error('the live bus carried readings that are none; reading from storage instead');
    for (const listener of listeners) listener.onLost();
  }

  return {
    async start() {
      for (const workspace of workspaces) {
        const listeners = new Set<ReadingListener>();
        listenersByWorkspace.set(workspace, listeners);
        const stop = await bus.listen(
          { workspace, name: READINGS_TOPIC },
          {
            onMessages: (messages) => {
              onMessages(listeners, messages);
            },
            onLost: () => {
              for (const listener of listeners) listener.onLost();
            },
          },
        );
        stops.push(stop);
      }
    },
    listen(workspace, listener) {
      const listeners = listenersByWorkspace.get(workspace);
      listeners?.add(listener);
      return () => {
        listeners?.delete(listener);
      };
    },
    close() {
      for (const stop of stops.splice(0)) stop();
    },
  };
}

function toLiveReading(message: ReadingMessage): LiveReading {
  const { deviceId, metric, value, unit, quality, measuredAtMs, receivedAtMs } = message;
  return {
    sequence: BigInt(message.sequence),
    previousSequence: BigInt(message.previousSequence),
    reading: {
      deviceId,
      metric,
      value,
      unit,
      quality,
      measuredAt: new Date(measuredAtMs),
      receivedAt: new Date(receivedAtMs),
    },
  };
}
