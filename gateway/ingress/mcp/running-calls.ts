import type { Principal } from '../../../kernel/identity/principal.js';

/** Which call is meant: the ids of calls are those of their session. */
export interface CallKey {
  readonly principal: Principal;
  readonly session: string;
  readonly id: string | number;
}

/** The calls that may be cancelled by a request of its own. */
export interface RunningCalls {
  /** The returned function marks the end of the call. */
  begin(key: CallKey, cancel: () => void): () => void;
  /** Does nothing to a call that is not there any more, or is somebody else's. */
  cancel(key: CallKey): void;
}

/** Makes the table of one server; it holds what runs, and nothing longer. */
export function createRunningCalls(): RunningCalls {
  const running = new Map<string, () => void>();

  return {
    begin(key, cancel) {
      const text = write(key);
      running.set(text, cancel);
      return () => {
        if (running.get(text) === cancel) running.delete(text);
      };
    },
    cancel(key) {
      running.get(write(key))?.();
    },
  };
}

function write({ principal, session, id }: CallKey): string {
  return JSON.stringify([principal.workspace, principal.subject, session, id]);
}
