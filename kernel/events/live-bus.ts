import type { WorkspaceId } from '../identity/principal.js';

/** What a listener receives: messages in the order of their publication, or word that some were lost. */
export interface LiveListener<T> {
  onMessages(messages: readonly T[]): void;
  /** The bus lost its connection for a while: whoever needs every message reads them from storage. */
  onLost(): void;
}

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
  publish(topic: LiveTopic, messages: readonly unknown[]): Promise<void>;
  /** Begins to listen; the returned function ends it. Messages of other processes must be checked before use. */
  listen(topic: LiveTopic, listener: LiveListener<unknown>): Promise<() => void>;
  close(): Promise<void>;
}
