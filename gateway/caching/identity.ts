import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import { ANYBODY } from '../../kernel/identity/principal.js';
import { forwardedKeyOf } from '../transports/forwarded-key.js';

/**
 * Who is asking, as far as subgraphs are told; undefined when nothing tells one client from another: then what is private
 * to one must not be kept, for the next one could be anybody.
 */
export function cacheIdentityOf(context: RequestContext): string | undefined {
  const { subject, workspace, roles } = context.principal;
  const forwarded = forwardedKeyOf(context);
  if (subject === ANYBODY && forwarded === '') return undefined;
  return JSON.stringify([subject, workspace, roles, forwarded]);
}
