import { setTimeout as sleep } from 'node:timers/promises';
import { OperationTypeNode } from 'graphql';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { untilAborted } from '../../kernel/lifecycle/until-aborted.js';
import { causeCodeOf, type HttpAnswer, type Post } from './http-post.js';
import { readRetryAfter } from './retry-after.js';
import type { RetryBudget } from './retry-budget.js';

export interface RetryOptions {
  /** How often at most a query is repeated. */
  readonly retries: number;
  readonly budget: RetryBudget;
  /** How long at most the first repetition waits, in milliseconds; each further one twice as long. 100 by default. */
  readonly baseMs?: number;
  /** A number from 0 up to 1. */
  readonly random: () => number;
  /** Told of each repetition. */
  readonly onRetry: () => void;
}

/** What came of one attempt. */
type Outcome = { readonly answer: HttpAnswer } | { readonly error: unknown };

const BASE_MS = 100;
const LONGEST_BACKOFF_MS = 2_000;
/** Who asks for a longer pause is not asked again: the client may decide to wait. */
const LONGEST_PAUSE_MS = 5_000;

/** Statuses of a server, or of a proxy before it, that could not answer now. Source: RFC 9110, §15.6; RFC 6585, §4. */
const PASSING_STATUSES = new Set([429, 502, 503, 504]);
/** The request has not reached the subgraph, or its connection broke before the answer. */
const LOST_CONNECTIONS = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN', 'ENOTFOUND'],
  ...['UND_ERR_SOCKET', 'UND_ERR_CONNECT_TIMEOUT'],
]);

/**
 * Sends queries again that were not answered: after a lost connection, and the statuses 429, 502, 503 and 504. It waits in
 * between, as long as `Retry-After` says or else a random time up to a bound that doubles. Never mutations, whose effect may
 * have happened; never what took too long, which would take as long again; never answers with GraphQL errors in them.
 *
 * The last attempt's outcome is handed on. The request's signal ends a wait.
 *
 * Source: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog (2015), "full jitter".
 */
export function retryQueries(post: Post, options: RetryOptions): Post {
  const { retries, budget, baseMs = BASE_MS, random, onRetry } = options;

  /** How long to wait before the next attempt, in milliseconds; undefined when there should be none. */
  function pauseAfter(outcome: Outcome, attempt: number): number | undefined {
    if (!isPassing(outcome)) return undefined;
    const backoffMs = random() * Math.min(LONGEST_BACKOFF_MS, baseMs * 2 ** attempt);
    const asked = 'answer' in outcome ? readRetryAfter(outcome.answer.headers['retry-after']) : undefined;
    if (asked === undefined) return backoffMs;
    // Those who were told the same time should not all come at it.
    return asked > LONGEST_PAUSE_MS ? undefined : asked + backoffMs;
  }

  return async (request) => {
    if (request.kind !== OperationTypeNode.QUERY || retries === 0) return post(request);
    budget.deposit();
    for (let attempt = 0; ; attempt += 1) {
      const outcome = await settle(post(request));
      const pauseMs = attempt < retries ? pauseAfter(outcome, attempt) : undefined;
      if (pauseMs === undefined || request.signal.aborted || !budget.withdraw()) return unwrap(outcome);
      await untilAborted(sleep(pauseMs, undefined, { signal: request.signal }), request.signal);
      onRetry();
      request.onResend?.();
    }
  };
}

async function settle(work: Promise<HttpAnswer>): Promise<Outcome> {
  try {
    return { answer: await work };
  } catch (error) {
    return { error };
  }
}

function unwrap(outcome: Outcome): HttpAnswer {
  if ('answer' in outcome) return outcome.answer;
  throw outcome.error;
}

function isPassing(outcome: Outcome): boolean {
  if ('answer' in outcome) return PASSING_STATUSES.has(outcome.answer.status);
  const { error } = outcome;
  return error instanceof AegisError && LOST_CONNECTIONS.has(causeCodeOf(error) ?? '');
}
