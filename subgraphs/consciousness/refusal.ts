import type { ErrorCode } from '../../kernel/errors/codes.js';

/** Why something that was asked for changed nothing, in a way that the caller can mend. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  /** The input field that is meant, from the outside in. */
  readonly path: string[];
}
