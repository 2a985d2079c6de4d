import type { GraphQLError } from 'graphql';
import { SubscriptionRefused } from '../transports/subscription-refused.js';
import type { SubgraphRequest, SubgraphResponse, Transport } from '../transports/transport.js';
import { openDeadline } from './deadline.js';
import { describeReported, describeUnreached, toUpstreamError } from './upstream-error.js';

/**
 * Begins a subscription at the subgraph whose events it yields. That must happen within the time given; then it goes on
 * until it ends or the request's signal is aborted.
 *
 * Errors: what the transport throws; from the stream, the GraphQL error of {@link explainEnd}.
 */
export async function openSubscriptionSource(
  transport: Transport,
  request: SubgraphRequest,
  timeoutMs: number,
): Promise<AsyncIterator<SubgraphResponse>> {
  const deadline = openDeadline(request.signal, timeoutMs);
  try {
    const events = await transport.subscribe({ ...request, signal: deadline.signal });
    deadline.stopClock();
    return followSource(events, request.operation.subgraph, deadline.close);
  } catch (error) {
    deadline.close();
    throw error;
  }
}

/** Why a subscription did not begin, or ended, in the client's terms. */
export function explainEnd(error: unknown, subgraph: string): readonly GraphQLError[] {
  if (!(error instanceof SubscriptionRefused)) return [toUpstreamError(describeUnreached(error, subgraph))];
  return error.errors.map((reported) => toUpstreamError(describeReported(reported, subgraph), reported.path));
}

/** Calls back when the stream is over in whichever way. */
function followSource(
  events: AsyncIterableIterator<SubgraphResponse>,
  subgraph: string,
  onEnd: () => void,
): AsyncIterator<SubgraphResponse> {
  return {
    async next() {
      try {
        const result = await events.next();
        if (result.done) onEnd();
        return result;
      } catch (error) {
        onEnd();
        throw explainEnd(error, subgraph)[0] ?? error;
      }
    },
    async return() {
      onEnd();
      return (await events.return?.()) ?? { value: undefined, done: true };
    },
  };
}
