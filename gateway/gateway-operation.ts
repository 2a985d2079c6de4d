import type { DocumentNode } from 'graphql';
import type { RequestContext } from '../kernel/graphql/subgraph.js';
import type { ResponseAge } from './caching/response-cache.js';
import type { Generation } from './generation.js';

/** A valid operation and what comes with it. */
export interface GatewayOperation {
  /** The generation whose schema the document was validated against. */
  readonly generation: Generation;
  readonly document: DocumentNode;
  readonly operationName?: string | undefined;
  /** As the client sent them. */
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  readonly context: RequestContext;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  /** Whether the data may come as JSON text (execution/written-data.ts): for who writes it and looks no further. */
  readonly written?: boolean | undefined;
  /** Told of a response that may be kept: for how long, and how old it is already. */
  readonly onAge?: ((age: ResponseAge) => void) | undefined;
}
