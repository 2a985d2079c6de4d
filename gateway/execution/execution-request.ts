import type { ExecutionResult } from 'graphql';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';

/** One request of an operation. */
export interface ExecutionRequest {
  /** As the client sent them. */
  readonly variables: Readonly<Record<string, unknown>>;
  readonly context: RequestContext;
  readonly signal: AbortSignal;
  /** Whether the data of a query or mutation may be WrittenData: as JSON text, for who writes it. */
  readonly written?: boolean | undefined;
  /** Has the completion of each event of a subscription traced. */
  readonly traceEvent?: TraceEvent | undefined;
}

/** Completes an event, its fetches in a context. */
export type CompleteInContext = (context: RequestContext) => Promise<ExecutionResult>;

/** Completes an event in a context that tells of its own trace. */
export type TraceEvent = (context: RequestContext, complete: CompleteInContext) => Promise<ExecutionResult>;
