import { createListenerTable } from './listener-table.js';
import type { LiveBus, LiveTopic } from './live-bus.js';

export interface InProcessLiveBusOptions {
  /** Told of what a listener throws. A warning of the process by default. */
  readonly onListenerError?: (error: unknown) => void;
}

/** The live bus of an Aegis that is one process: a table of listeners, called in turn. */
export function createInProcessLiveBus({ onListenerError }: InProcessLiveBusOptions = {}): LiveBus {
  const listeners = createListenerTable(onListenerError);
  return {
    publish(topic, messages) {
      if (messages.length > 0) listeners.deliver(keyOf(topic), messages);
      return Promise.resolve();
    },
    listen(topic, listener) {
      const remove = listeners.add(keyOf(topic), listener);
      return Promise.resolve(() => {
        remove();
      });
    },
    close() {
      listeners.clear();
      return Promise.resolve();
    },
  };
}

function keyOf({ workspace, name }: LiveTopic): string {
  return `${workspace}/${name}`;
}
