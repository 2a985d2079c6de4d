import type { WorkspaceId } from '../identity/principal.js';

/** What a listener receives: messages in the order of their publication, or word that some were lost. */
export interface LiveListener<T> {
  onMessages(messages: readonly T[]): void;
  /** The bus lost its connection for a while: whoever needs every message reads them from storage. */
  onLost(): void;
}

/** What a message is about. */
export interface LiveTopic {
  readonly workspace: WorkspaceId;
  /** `<subgraph>.<noun>`, such as `devices.readings`. */
  readonly name: string;
}

/**
 * Carries high-rate messages (readings, metrics) to whoever listens now. Nothing is kept: the publisher has already
 * stored what it announces. Messages are plain JSON values.
 */
export interface LiveBus {
  /**
   * Hands messages to all listeners of the topic, in the order in which this bus was asked to. Resolves when they are
   * on their way; rejects when other processes may not hear of them, which their listeners are told by `onLost`.
   */
  publish(topic: LiveTopic, messages: readonly unknown[]): Promise<void>;
  /**
   * Begins to listen: what is published after this resolves is heard. The returned function ends it. A listener stands
   * for itself: one that throws neither fails the publisher nor keeps the message from others. Messages of other
   * processes must be checked before use.
   */
  listen(topic: LiveTopic, listener: LiveListener<unknown>): Promise<() => void>;
  /** Safe to call twice. */
  close(): Promise<void>;
}
