import { GraphQLError } from 'graphql';
import { isErrorCode } from '../../kernel/errors/codes.js';

/** How often, and after how long, a subscription that a subgraph lost is begun again. */
export interface ReconnectRules {
  /** How often in a row; 0 never. */
  readonly maxAttempts: number;
  /** How long the first wait is at most, in milliseconds; each further one is at most twice the one before. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** What tells that a subgraph is not there now, and may be again. */
const LOST = new Set(['UPSTREAM_FAILED', 'UPSTREAM_TIMEOUT', 'UNAVAILABLE']);

/** Whether an error says that the way to the subgraph was lost, and not that the subgraph refuses. */
export function isLoss(error: unknown): boolean {
  if (!(error instanceof GraphQLError)) return false;
  const { code, retryable } = error.extensions;
  return isErrorCode(code) && LOST.has(code) && retryable !== false;
}

/**
 * How long to wait before an attempt, in milliseconds, so that not all come back at the same moment.
 *
 * Source: "full jitter" with a floor of half the bound, M. Brooker, Exponential Backoff and Jitter, AWS Architecture Blog
 * (2015), there called equal jitter.
 *
 * @param attempt 1 for the first.
 */
export function backoffMs(attempt: number, { baseMs, maxMs, random }: ReconnectRules): number {
  const bound = Math.min(maxMs, baseMs * 2 ** (attempt - 1));
  return bound / 2 + (random() * bound) / 2;
}
