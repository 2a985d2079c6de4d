import type { RequestContext } from '../../kernel/graphql/subgraph.js';

/** One request of an operation. */
export interface ExecutionRequest {
  /** As the client sent them. */
  readonly variables: Readonly<Record<string, unknown>>;
  readonly context: RequestContext;
  readonly signal: AbortSignal;
  /** Whether the data of a query or mutation may be WrittenData: as JSON text, for who writes it. */
  readonly written?: boolean | undefined;
}
