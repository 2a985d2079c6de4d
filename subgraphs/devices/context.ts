import type { RequestContext } from '../../kernel/graphql/subgraph.js';

/** What the resolvers of one request share. */
export type Context = RequestContext;
