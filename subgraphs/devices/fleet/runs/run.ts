import type { ErrorCode } from '../../../../kernel/errors/codes.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { RunKind } from '../../generated/schema-types.js';

/** What a run does while this process works at it. */
export interface RunWork {
  readonly workspace: WorkspaceId;
  readonly id: string;
  /** Aborted when the process stops; the run then goes on elsewhere, or here after the next start. */
  readonly signal: AbortSignal;
}

/** What came of a step of work: it is done, has come to an end that is none to be content with, wants to be called again at an instant, or waits for somebody. */
export type RunStep =
  | { readonly kind: 'done'; readonly note?: string }
  | {
      readonly kind: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
      readonly done: number;
      readonly total: number | null;
    }
  /** `atMs`: milliseconds since 1970; at once when left out. */
  | { readonly kind: 'again'; readonly atMs?: number; readonly done: number; readonly total: number | null }
  | { readonly kind: 'paused'; readonly note: string; readonly done: number; readonly total: number | null };

/**
 * How runs of one kind are worked at: in steps, each of which commits what it has done. A step may be repeated when the
 * process dies before the run is told of it, so that each finds out by itself what is left.
 *
 * Errors: an AegisError fails the run when it is not retryable; any other one is tried again.
 */
export interface RunExecutor {
  readonly kind: RunKind;
  step(work: RunWork): Promise<RunStep>;
  /** Told before the run counts as cancelled. */
  cancel?(work: RunWork): Promise<void>;
}
