import type { ExecutionResult, GraphQLError } from 'graphql';
import type { ResponsePath } from './data.js';

/** A part of a response that came later. */
export interface DeferredPart {
  /** As the client wrote it. */
  readonly label: string | undefined;
  /** Where in the response its fields go. */
  readonly path: ResponsePath;
}

/** The fields of a part; null when one of them may not be null but is. */
export interface CompletedPart {
  /** The object that it was announced by. */
  readonly part: DeferredPart;
  readonly data: Record<string, unknown> | null;
  readonly errors: readonly GraphQLError[];
  /** The parts inside it that come later still. */
  readonly announces: readonly DeferredPart[];
}

/**
 * A response that comes in parts.
 *
 * Source: GraphQL incremental delivery.
 */
export interface IncrementalResult {
  /** What comes first. */
  readonly initial: ExecutionResult;
  /** The parts that are announced with it. */
  readonly announces: readonly DeferredPart[];
  /** The parts, as many at a time as there are; ending the iteration ends their fetches. */
  readonly parts: AsyncIterableIterator<readonly CompletedPart[]>;
}

/** Whether a result comes in parts. */
export function isIncremental(result: ExecutionResult | IncrementalResult): result is IncrementalResult {
  return 'parts' in result;
}
