import { ANYBODY, type Principal } from '../../kernel/identity/principal.js';
import type { ResponseAge } from '../caching/response-cache.js';

/** A request of Apollo Server's, as far as it is needed; the types of its own interface know no cache policy. */
interface AnsweredRequest {
  readonly overallCachePolicy?: {
    restrict(hint: { readonly maxAge: number; readonly scope: 'PUBLIC' | 'PRIVATE' }): void;
  };
  readonly response?: { readonly http?: { readonly headers: HeaderTable } | undefined };
}

interface HeaderTable {
  get(name: string): string | null | undefined;
  set(name: string, value: string): unknown;
}

/**
 * Tells an HTTP client how long it may keep a response, and how old that is already; Apollo Server writes `Cache-Control`
 * from its policy, or `no-store`. A response that the gateway lets nobody have without a key is private to who has one,
 * even where all of them get the same: a proxy between knows nothing of keys. Source: RFC 9111, §5.1, §5.2.2.
 */
export function createTellAge(
  { overallCachePolicy, response }: AnsweredRequest,
  { subject }: Principal,
): (age: ResponseAge) => void {
  return ({ ageMs, maxAgeMs, scope }) => {
    const isPublic = scope === 'public' && subject === ANYBODY;
    overallCachePolicy?.restrict({
      maxAge: Math.floor(maxAgeMs / 1_000),
      scope: isPublic ? 'PUBLIC' : 'PRIVATE',
    });
    const headers = response?.http?.headers;
    // Responses of a batch share their headers: the oldest counts.
    const age = Math.max(Math.ceil(ageMs / 1_000), Number(headers?.get('age') ?? 0));
    if (age > 0) headers?.set('age', String(age));
  };
}
