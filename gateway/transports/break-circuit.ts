import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { CallOutcome, CircuitBreaker } from './circuit-breaker.js';
import type { HttpAnswer, Post } from './http-post.js';

/** A gateway's or proxy's word that nobody answered behind it. Source: RFC 9110, §15.6. */
const UNANSWERED = new Set([502, 503, 504]);

/**
 * Sends requests only while the subgraph's breaker is closed. A failure is what was not answered, or with a status that says
 * so, or with what no GraphQL server says. GraphQL errors are an answer; so is that the gateway asks too often (429).
 *
 * Errors: UNAVAILABLE with `retryAfterMs` while the breaker is open.
 */
export function breakCircuit(post: Post, breaker: CircuitBreaker, subgraph: string): Post {
  return async (request) => {
    const admission = breaker.enter();
    if ('retryAfterMs' in admission) {
      const retryAfterMs = Math.ceil(admission.retryAfterMs);
      throw new AegisError(
        'UNAVAILABLE',
        `subgraph ${subgraph} has failed too often and is left alone for a while: ask again in ${retryAfterMs} ms.`,
        { retryAfterMs },
      );
    }
    try {
      const answer = await post(request);
      admission.report(judge(answer));
      return answer;
    } catch (error) {
      admission.report(request.signal.aborted ? 'neutral' : 'failure');
      throw error;
    }
  };
}

function judge({ status, text }: HttpAnswer): CallOutcome {
  if (UNANSWERED.has(status)) return 'failure';
  if (status === 429) return 'neutral';
  return status >= 500 && !text.trimStart().startsWith('{') ? 'failure' : 'success';
}
