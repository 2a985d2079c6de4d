import { ERROR_CODES, type ErrorCode } from './codes.js';

export interface AegisErrorOptions {
  /** How long the caller should wait before trying again, in milliseconds. */
  readonly retryAfterMs?: number;
  /** Facts for the caller that are neither secret nor derivable: they travel in `extensions`. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/**
 * An error raised on purpose: its message and code reach the client. Every other error is masked.
 *
 * The message says what was expected, what came, and what to do.
 */
export class AegisError extends Error {
  override readonly name = 'AegisError';
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: AegisErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details ?? {};
  }

  /** The wire form; graphql-js copies it into the GraphQL error that wraps this one. */
  get extensions(): Record<string, unknown> {
    return {
      ...this.details,
      code: this.code,
      retryable: ERROR_CODES[this.code].retryable,
      ...(this.retryAfterMs === undefined ? {} : { retryAfterMs: this.retryAfterMs }),
    };
  }
}
