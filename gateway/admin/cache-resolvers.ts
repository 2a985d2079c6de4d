import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { CacheInvalidation } from '../caching/invalidation.js';
import type { CacheSelector } from '../caching/labels.js';
import type { AdminResolvers } from './admin-schema.js';

interface InvalidateCacheInput {
  readonly subgraph?: string | null;
  readonly type?: string | null;
  readonly key?: readonly { readonly name: string; readonly value: string }[] | null;
  readonly tag?: string | null;
}

/** What is kept of answers. @param invalidation undefined where nothing is kept. */
export function createCacheResolvers(
  invalidation: Pick<CacheInvalidation, 'invalidate'> | undefined,
): AdminResolvers {
  return {
    Mutation: {
      async invalidateCache(_parent, { input }: { readonly input: InvalidateCacheInput }) {
        const selector = readSelector(input);
        if (typeof selector === 'string') return { removed: 0, userErrors: [refuse(selector)] };
        const { removed } = (await invalidation?.invalidate(selector)) ?? { removed: 0 };
        return { removed, userErrors: [] };
      },
    },
  };
}

/** What is meant, or what is wrong with it. */
function readSelector({ subgraph, type, key, tag }: InvalidateCacheInput): CacheSelector | string {
  const within = { subgraph: subgraph ?? undefined };
  const isText = (text: string | null | undefined): text is string =>
    text !== null && text !== undefined && text !== '';
  if (isText(tag) && !isText(type) && !key) return { kind: 'tag', tag, ...within };
  if (isText(type) && !isText(tag)) {
    if (!key) return { kind: 'type', type, ...within };
    if (key.length === 0) return 'key: expected at least one field, got none.';
    return {
      kind: 'key',
      type,
      key: Object.fromEntries(key.map(({ name, value }) => [name, readValue(value)])),
      ...within,
    };
  }
  if (isText(subgraph) && !isText(tag) && !key) return { kind: 'subgraph', subgraph };
  return 'expected a type, perhaps with a key, or a tag, or a subgraph alone; got something else.';
}

/** A field of a key that is an object comes as JSON. */
function readValue(text: string): unknown {
  if (!/^[[{]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function refuse(message: string): {
  readonly code: string;
  readonly message: string;
  readonly path: readonly string[];
} {
  const error = new AegisError('BAD_USER_INPUT', message);
  return { code: error.code, message, path: [] };
}
