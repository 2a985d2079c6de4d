import { createHash } from 'node:crypto';
import type { SubgraphOperation, SubgraphRequest } from '../transports/transport.js';
import { cacheIdentityOf } from './identity.js';

/** Where answers to one request may be found. */
export interface CacheKeys {
  /** For everybody in the workspace: two workspaces have nothing in common. */
  readonly public: string;
  /** For who asks alone; undefined when nothing tells who that is. */
  readonly private: string | undefined;
}

/** Makes the keys of a subgraph's answers. */
export type CacheKeysOf = (request: SubgraphRequest) => CacheKeys;

/** Changed when what is kept changes its form. */
const VERSION = 1;

/**
 * Keys hold all that an answer depends on: the subgraph and its address, what is asked without its name, the variables, the
 * workspace, and for private ones who is asking with the forwarded headers. The operation's text goes by its digest.
 */
export function createCacheKeysOf({
  name,
  url,
}: {
  readonly name: string;
  readonly url: string;
}): CacheKeysOf {
  const digests = new WeakMap<SubgraphOperation, string>();

  function digestOf(operation: SubgraphOperation): string {
    const known =
      digests.get(operation) ?? digest(JSON.stringify([VERSION, name, url, operation.unnamedText]));
    digests.set(operation, known);
    return known;
  }

  return ({ operation, variables, context }) => {
    const identity = cacheIdentityOf(context);
    const asked = [digestOf(operation), context.principal.workspace, variables];
    return {
      public: digest(JSON.stringify(asked)),
      private: identity === undefined ? undefined : digest(JSON.stringify([...asked, identity])),
    };
  };
}

/** A text of 43 characters that stands for a longer one. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

/** The key of one entity below those of its request. @param representation as JSON text. */
export function entityKey(base: string, representation: string): string {
  return `${base}:${representation.length <= 128 ? representation : digest(representation)}`;
}
