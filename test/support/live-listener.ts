import type { LiveListener } from '../../kernel/events/live-bus.js';
import { waitFor } from './wait-for.js';

/** A listener that writes down what it hears. */
export interface RecordingListener extends LiveListener<unknown> {
  readonly heard: unknown[];
  /** How often it was told that messages were lost. */
  lost(): number;
  /** Waits until it has heard so many messages, and gives all it has heard by then. */
  waitForMessages(count: number): Promise<readonly unknown[]>;
  waitForLoss(): Promise<void>;
}

export function createRecordingListener(): RecordingListener {
  const heard: unknown[] = [];
  let losses = 0;
  return {
    heard,
    onMessages(messages) {
      heard.push(...messages);
    },
    onLost() {
      losses += 1;
    },
    lost: () => losses,
    waitForMessages: (count) =>
      waitFor(`${count} live messages were heard`, () => heard.length >= count && heard),
    async waitForLoss() {
      await waitFor('the listener was told of a loss', () => losses > 0);
    },
  };
}
