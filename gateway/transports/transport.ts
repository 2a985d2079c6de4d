import type { DocumentNode, GraphQLFormattedError, OperationTypeNode } from 'graphql';
import type { Health, RequestContext } from '../../kernel/graphql/subgraph.js';
import type { ResponseCaching } from './response-caching.js';

/** The part of an operation that one subgraph answers: fixed by the plan, the same for each request. */
export interface SubgraphOperation {
  readonly subgraph: string;
  readonly kind: OperationTypeNode;
  readonly name: string | undefined;
  readonly text: string;
  /** The text without the operation's name: the same for all fetches that ask for the same. */
  readonly unnamedText: string;
  /** The text parsed, at the first time it is asked for. */
  readonly document: DocumentNode;
}

/** One fetch. */
export interface SubgraphRequest {
  readonly operation: SubgraphOperation;
  /** Without those of {@link representations}. */
  readonly variables: Readonly<Record<string, unknown>>;
  /**
   * The entities to complete, each as JSON text, none of them twice: the subgraph gets them as the variable
   * `representations`. Undefined for a fetch of root fields.
   */
  readonly representations?: readonly string[] | undefined;
  readonly context: RequestContext;
  /** Aborted when the client has left or the operation's deadline has passed. */
  readonly signal: AbortSignal;
  /** Equal requests with another one have something between them, so that the answer to one is not that to the other. */
  readonly epoch?: number | undefined;
  /** Wants to know how it goes. */
  readonly observer?: FetchObserver | undefined;
}

/** Is told how a fetch goes, by transports that send it somewhere. */
export interface FetchObserver {
  /** An answer has come, with this status of HTTP. */
  readonly onStatus: (status: number) => void;
  /** It is sent once more. */
  readonly onResend: () => void;
  /** An equal one is under way, and its answer is taken. */
  readonly onShared: () => void;
}

/** What a subgraph answered, as data. The receiver owns `data` and may change it. */
export interface SubgraphResponse {
  readonly data?: Record<string, unknown> | null | undefined;
  readonly errors?: readonly GraphQLFormattedError[] | undefined;
  /** How long it may be kept, where the subgraph says so; otherwise it may not be. */
  readonly caching?: ResponseCaching | undefined;
}

/**
 * How fetches reach one subgraph.
 *
 * Errors: AegisError UPSTREAM_FAILED, UPSTREAM_TIMEOUT or CANCELLED; an answer with errors in it is not one of them.
 */
export interface Transport {
  /** Where requests are sent to; undefined for a subgraph in this process. */
  readonly address?: URL | undefined;
  execute(request: SubgraphRequest): Promise<SubgraphResponse>;
  /** Begins a subscription; ending the iteration, or the request's signal, ends it at the subgraph too. */
  subscribe(request: SubgraphRequest): Promise<AsyncIterableIterator<SubgraphResponse>>;
  health(signal: AbortSignal): Promise<Health>;
  close(): Promise<void>;
}

/** The variables of a fetch as JSON text. */
export function writeVariables({ variables, representations }: SubgraphRequest): string {
  const written = JSON.stringify(variables);
  if (!representations) return written;
  const entities = `"representations":[${representations.join(',')}]}`;
  return written === '{}' ? `{${entities}` : `${written.slice(0, -1)},${entities}`;
}

/** The variables of a fetch as values. */
export function readVariables({ variables, representations }: SubgraphRequest): Record<string, unknown> {
  if (!representations) return { ...variables };
  return { ...variables, representations: representations.map((text) => JSON.parse(text) as unknown) };
}
