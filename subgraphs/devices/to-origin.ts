import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import type { ChangeOrigin } from './registry.js';

/** On whose behalf a request changes something. */
export function toOrigin({ principal, trace }: RequestContext): ChangeOrigin {
  return { workspace: principal.workspace, traceparent: trace.traceparent };
}
