import type { LiveBus } from '../../../kernel/events/live-bus.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import { READINGS_TOPIC, readingMessageSchema, type ReadingMessage } from './reading-message.js';

/** Receives readings as they are committed. */
export interface ReadingListener {
  onReadings(readings: readonly ReadingMessage[]): void;
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

const messagesSchema = readingMessageSchema.array();

/** Makes the fan-out of live readings: one listener on the bus for each workspace, however many subscribers there are. */
export function createLiveReadings({ bus, workspaces, logger }: LiveReadingsDeps): LiveReadings {
  const listenersByWorkspace = new Map<WorkspaceId, Set<ReadingListener>>();
  const stops: (() => void)[] = [];

  function onMessages(listeners: ReadonlySet<ReadingListener>, messages: readonly unknown[]): void {
    if (listeners.size === 0) return;
    const parsed = messagesSchema.safeParse(messages);
    if (parsed.success) {
      for (const listener of listeners) listener.onReadings(parsed.data);
      return;
    }
    logger.error(
      { err: parsed.error },
      'the live bus carried readings that are none; reading from storage instead',
    );
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
