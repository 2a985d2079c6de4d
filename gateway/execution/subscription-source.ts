import { OperationTypeNode, type GraphQLError } from 'graphql';
import { SubscriptionRefused } from '../transports/subscription-refused.js';
import type { SubgraphRequest, SubgraphResponse, Transport } from '../transports/transport.js';
import type { ResponsePath } from './data.js';
import { openOperationDeadline } from './operation-deadline.js';
import { describeReported, describeUnreached, toUpstreamError } from './upstream-error.js';

/** How a subscription is followed. */
export interface SubscriptionSourceOptions {
  /** How long its begin may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Where a place that the subgraph names stands in the client's response. */
  readonly toClientPaths: (path: ResponsePath) => readonly ResponsePath[];
}

/**
 * Begins a subscription at the subgraph whose events it yields. That must happen within the time given; then it goes on
 * until it ends or the request's signal is aborted.
 *
 * Errors: what the transport throws; from the stream, the GraphQL error of {@link explainEnd}.
 */
export async function openSubscriptionSource(
  transport: Transport,
  request: SubgraphRequest,
  { timeoutMs, toClientPaths }: SubscriptionSourceOptions,
): Promise<AsyncIterator<SubgraphResponse>> {
  const deadline = openOperationDeadline(request.signal, timeoutMs);
  try {
    const events = await transport.subscribe({ ...request, signal: deadline.signal });
    deadline.stopClock();
    const explain = (error: unknown) => explainEnd(error, request.operation.subgraph, toClientPaths)[0];
    return followSource(events, explain, deadline.close);
  } catch (error) {
    deadline.close();
    throw error;
  }
}

/** Why a subscription did not begin, or ended, in the client's terms. */
export function explainEnd(
  error: unknown,
  subgraph: string,
  toClientPaths: SubscriptionSourceOptions['toClientPaths'],
): readonly GraphQLError[] {
  const call = { subgraph, kind: OperationTypeNode.SUBSCRIPTION, mutates: false };
  if (!(error instanceof SubscriptionRefused)) return [toUpstreamError(describeUnreached(error, call))];
  return error.errors.flatMap((reported) => {
    const failure = describeReported(reported, call);
    const paths = reported.path ? toClientPaths(reported.path) : [undefined];
    return paths.map((path) => toUpstreamError(failure, path));
  });
}

/** Calls back when the stream is over in whichever way. */
function followSource(
  events: AsyncIterableIterator<SubgraphResponse>,
  explain: (error: unknown) => GraphQLError | undefined,
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
        throw explain(error) ?? error;
      }
    },
    async return() {
      onEnd();
      return (await events.return?.()) ?? { value: undefined, done: true };
    },
  };
}
