import type { LiveBus, LiveListener, LiveTopic } from './live-bus.js';

/** The live bus of an Aegis that is one process: a table of listeners, called in turn. */
export function createInProcessLiveBus(): LiveBus {
  const listenersByTopic = new Map<string, Set<LiveListener<unknown>>>();
  return {
    publish(topic, messages) {
      if (messages.length > 0) {
        for (const listener of listenersByTopic.get(keyOf(topic)) ?? []) listener.onMessages(messages);
      }
      return Promise.resolve();
    },
    listen(topic, listener) {
      const key = keyOf(topic);
      const listeners = listenersByTopic.get(key) ?? new Set();
      listenersByTopic.set(key, listeners.add(listener));
      return Promise.resolve(() => {
        listeners.delete(listener);
        if (listeners.size === 0 && listenersByTopic.get(key) === listeners) listenersByTopic.delete(key);
      });
    },
    close() {
      listenersByTopic.clear();
      return Promise.resolve();
    },
  };
}

function keyOf({ workspace, name }: LiveTopic): string {
  return `${workspace}/${name}`;
}
