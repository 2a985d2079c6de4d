import type { RequestContext } from '../../../kernel/graphql/subgraph.js';
import type { ClientIdentity } from '../client-identity.js';

/** One HTTP request of an agent. */
export interface McpExchange {
  /** Who asks, under which trace. */
  readonly context: RequestContext;
  /** What the agent's program calls itself, as far as the request itself tells. */
  readonly client: ClientIdentity;
  /** The id that the agent was given when it began, where the protocol has one. */
  readonly session: string | undefined;
  /** Aborted when the agent leaves, or cancels what it asked for. */
  readonly left: AbortController;
}
