import type { LookupFunction } from 'node:net';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import type { SubgraphRequest, SubgraphResponse } from './transport.js';

/** Begins subscriptions at one subgraph. */
export interface SubgraphSubscriber {
  /**
   * Resolves when the subgraph has taken the subscription, or is at least there to take it.
   *
   * Errors: AegisError UPSTREAM_FAILED and UPSTREAM_TIMEOUT; SubscriptionRefused, at once or from the stream.
   */
  subscribe(request: SubgraphRequest): Promise<AsyncIterableIterator<SubgraphResponse>>;
  close(): Promise<void>;
}

export interface SubgraphSubscriberOptions {
  readonly subgraph: string;
  readonly url: string;
  /** How long the connection, its acknowledgement and each sign of life may take, in milliseconds. */
  readonly timeoutMs: number;
  /** The largest message that is read, in bytes. */
  readonly maxResponseBytes: number;
  /** Resolves the host for each connection, and may refuse what it stands for; `dns.lookup` by default. */
  readonly lookup?: LookupFunction | undefined;
  readonly headersFor: (context: RequestContext) => Promise<Record<string, string>>;
}
