import type { ReceivedCommand } from './contract-protocol.js';

/** What a device that speaks our own JSON has been told. */
export interface Inbox {
  readonly commands: ReceivedCommand[];
  readonly intervals: number[];
  /** What it was asked for. */
  readonly reads: (readonly string[])[];
  /** Takes a command `{"id", "action", "input", …}`. */
  command(message: unknown): void;
  /** Takes what is desired, `{"version", "desired"}`, and gives its version. */
  desired(message: unknown): number;
  /** Takes a question, `{"id", "metrics", "expiresAt"}`. */
  read(message: unknown): void;
}

/** Makes an empty one. */
export function createInbox(): Inbox {
  const commands: ReceivedCommand[] = [];
  const intervals: number[] = [];
  const reads: (readonly string[])[] = [];
  return {
    ...{ commands, intervals, reads },
    command(message) {
      commands.push(message as ReceivedCommand);
    },
    desired(message) {
      const { version, desired } = message as {
        readonly version: number;
        readonly desired: { readonly interval: number };
      };
      intervals.push(desired.interval);
      return version;
    },
    read(message) {
      reads.push((message as { readonly metrics: readonly string[] }).metrics);
    },
  };
}

/** What a device answers that has executed a command. */
export const EXECUTED = JSON.stringify({ state: 'EXECUTED' });
