import { getOperationAST, OperationTypeNode, print, type DocumentNode } from 'graphql';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import { digest } from './cache-keys.js';
import { RESPONSES, type CacheMetrics } from './cache-metrics.js';
import type { CacheEntry, CacheStore } from './cache-store.js';
import { cacheIdentityOf } from './identity.js';
import type { Invalidations } from './invalidation.js';
import type { CollectedPolicy, PolicyCollector } from './policy-collector.js';

/** An operation whose response may be kept. */
export interface AskedResponse {
  /** The same for the same supergraph. */
  readonly supergraph: string;
  readonly document: DocumentNode;
  readonly operationName: string | undefined;
  /** As the client sent them. */
  readonly variables: Readonly<Record<string, unknown>>;
  readonly context: RequestContext;
}

/** How old a response is and how long it may be kept, for who gets it. */
export interface ResponseAge {
  readonly ageMs: number;
  /** From when it was made, in milliseconds. */
  readonly maxAgeMs: number;
  readonly scope: 'public' | 'private';
}

/** A response that was kept, as JSON text of its data; or what is to be done for one. */
export type OpenedResponse =
  | { readonly text: string; readonly age: ResponseAge }
  | {
      /** What the operation must be executed in. */
      readonly context: RequestContext;
      /** Keeps the data, if that is allowed: then it says for how long. Responses with errors are not to be given. */
      readonly keep: (text: () => string) => ResponseAge | undefined;
    };

/** Keeps whole responses of queries. */
export interface ResponseCache {
  /** Looks for a response; undefined for an operation that is no query. */
  open(asked: AskedResponse): Promise<OpenedResponse> | undefined;
}

export interface ResponseCacheOptions {
  readonly store: CacheStore;
  readonly collector: PolicyCollector;
  readonly maxAgeMs: number;
  readonly metrics: CacheMetrics;
  readonly invalidations: Invalidations;
  /** A clock in milliseconds since 1970. */
  readonly now: () => number;
}

interface Keys {
  readonly public: string;
  readonly private: string | undefined;
}

/**
 * Makes a cache of responses: by supergraph, operation, variables and workspace, and where an answer in it is private also by
 * who asks with what headers. A response may be kept as long as the strictest of its answers.
 */
export function createResponseCache(options: ResponseCacheOptions): ResponseCache {
  const { store, collector, maxAgeMs: longest, metrics, invalidations, now } = options;
  const digestOf = createDigestOf();

  async function look(keys: Keys): Promise<CacheEntry | undefined> {
    const own = keys.private === undefined ? [] : [keys.private];
    const entries = await store.getMany([keys.public, ...own]);
    return entries.find((entry) => entry !== undefined && entry.freshUntil > now());
  }

  function keep(
    keys: Keys,
    policy: CollectedPolicy | undefined,
    text: () => string,
  ): ResponseAge | undefined {
    if (!policy) return undefined;
    const { scope, labels } = policy;
    const key = keys[scope];
    if (key === undefined) return undefined;
    const maxAgeMs = Math.min(longest, policy.maxAgeMs);
    const storedAt = now();
    const freshUntil = storedAt + maxAgeMs;
    const until = { storedAt, freshUntil, revalidateUntil: freshUntil, errorUntil: freshUntil };
    const value = text();
    store.setMany(new Map([[key, { value, ...until, scope, labels, tags: [] }]]));
    metrics.storedBytes.inc({ subgraph: RESPONSES }, value.length);
    return { ageMs: 0, maxAgeMs, scope };
  }

  async function open(asked: AskedResponse, operation: string): Promise<OpenedResponse> {
    const keys = keysOf(asked, operation);
    const found = await look(keys);
    metrics.lookups.inc({ subgraph: RESPONSES, outcome: found ? 'hit' : 'miss' });
    if (found) {
      const { value: text, storedAt, freshUntil, scope } = found;
      return { text, age: { ageMs: now() - storedAt, maxAgeMs: freshUntil - storedAt, scope } };
    }
    const before = invalidations.count;
    const { context, read } = collector.watch(asked.context);
    return {
      context,
      keep: (text) => (invalidations.allowKeeping(before) ? keep(keys, read(), text) : undefined),
    };
  }

  return {
    open(asked) {
      const operation = digestOf(asked);
      return operation === undefined ? undefined : open(asked, operation);
    },
  };
}

function keysOf({ supergraph, variables, context }: AskedResponse, operation: string): Keys {
  const identity = cacheIdentityOf(context);
  const asked = [supergraph, operation, variables, context.principal.workspace];
  return {
    public: `r:${digest(JSON.stringify(asked))}`,
    private: identity === undefined ? undefined : `r:${digest(JSON.stringify([...asked, identity]))}`,
  };
}

/** Reads each document once: what stands for a query, and nothing for what is none. */
function createDigestOf(): (asked: AskedResponse) => string | undefined {
  const known = new WeakMap<DocumentNode, Map<string | undefined, string | undefined>>();
  return ({ document, operationName }) => {
    const digests = known.get(document) ?? new Map<string | undefined, string | undefined>();
    known.set(document, digests);
    if (digests.has(operationName)) return digests.get(operationName);
    const isQuery = getOperationAST(document, operationName)?.operation === OperationTypeNode.QUERY;
    const found = isQuery ? digest(JSON.stringify([print(document), operationName])) : undefined;
    digests.set(operationName, found);
    return found;
  };
}
