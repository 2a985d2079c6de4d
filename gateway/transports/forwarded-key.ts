import type { RequestContext } from '../../kernel/graphql/subgraph.js';

/**
 * What subgraphs may be told of the client's headers, as a text: whatever is shared between requests, or kept of one for
 * others, must be the same in this as well as in who is asking. Empty when nothing is forwarded.
 */
export function forwardedKeyOf({ headers }: Pick<RequestContext, 'headers'>): string {
  if (!headers) return '';
  const entries = Object.entries(headers);
  return entries.length === 0 ? '' : JSON.stringify(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
}
