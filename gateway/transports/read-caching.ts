import type { ResponseCaching } from './response-caching.js';

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** An answer over HTTP, as far as caching is concerned. */
export interface CacheableAnswer {
  /** Of the response, by lower-case name. */
  readonly headers: Headers;
  /** Whether requests to the subgraph may differ in a header, by lower-case name; not only whether this one had it. */
  readonly differs: (header: string) => boolean;
  /** The GraphQL response. */
  readonly body: unknown;
}

/**
 * How long an answer may be kept, as the subgraph says in `Cache-Control`; undefined when it may not be, or the subgraph
 * does not say. Its extensions `apolloCacheTags` and `apolloEntityCacheTags` say by what it can be invalidated.
 *
 * A gateway is a shared cache. Where requests may say who is asking, only what is `public` by name is for everybody; and
 * what varies with a header in which they may differ is for those who send the same, or none of it likewise. What varies
 * with the trace differs each time.
 *
 * Source: RFC 9111, §3 and §3.5 (what is shared), §4.1 (Vary), §5.2.2; RFC 5861 (stale answers); Apollo Router, response
 * caching, "cache tags".
 */
export function readCaching({ headers, differs, body }: CacheableAnswer): ResponseCaching | undefined {
  const header = headers['cache-control'];
  if (header === undefined) return undefined;
  const directives = readDirectives(header);
  const varied = readList(headers['vary']);
  const never = varied.includes('*') || varied.includes('traceparent');
  if (never || directives.has('no-store') || directives.has('no-cache')) return undefined;
  const scope = scopeOf(directives, varied, differs);
  const shared = scope === 'public' ? seconds(directives.get('s-maxage')) : undefined;
  const maxAge = shared ?? seconds(directives.get('max-age')) ?? 0;
  const age = seconds(text(headers['age'])) ?? 0;
  if (maxAge <= age) return undefined;
  return { maxAgeMs: (maxAge - age) * 1_000, scope, ...staleness(directives), ...readTags(body) };
}

function scopeOf(
  directives: ReadonlyMap<string, string>,
  varied: readonly string[],
  differs: CacheableAnswer['differs'],
): ResponseCaching['scope'] {
  if (directives.has('private') || varied.some(differs)) return 'private';
  const named = ['public', 's-maxage', 'must-revalidate'].some((name) => directives.has(name));
  return differs('authorization') && !named ? 'private' : 'public';
}

function staleness(directives: ReadonlyMap<string, string>): Partial<ResponseCaching> {
  if (directives.has('must-revalidate') || directives.has('proxy-revalidate')) return {};
  const revalidate = seconds(directives.get('stale-while-revalidate'));
  const error = seconds(directives.get('stale-if-error'));
  return {
    ...(revalidate === undefined ? {} : { staleWhileRevalidateMs: revalidate * 1_000 }),
    ...(error === undefined ? {} : { staleIfErrorMs: error * 1_000 }),
  };
}

function readDirectives(header: string | readonly string[]): ReadonlyMap<string, string> {
  const parts = text(header).split(',');
  return new Map(
    parts.map((part) => {
      const [name = '', value = ''] = part.split('=', 2);
      return [name.trim().toLowerCase(), value.trim().replaceAll('"', '')] as const;
    }),
  );
}

function seconds(value = ''): number | undefined {
  return /^\d{1,10}$/.test(value) ? Number(value) : undefined;
}

function readList(header: string | readonly string[] | undefined): readonly string[] {
  return text(header)
    .split(',')
    .map((part) => part.trim().toLowerCase())
    .filter((part) => part !== '');
}

function text(header: string | readonly string[] | undefined): string {
  return typeof header === 'string' ? header : (header ?? []).join(',');
}

function readTags(body: unknown): Pick<ResponseCaching, 'tags' | 'entityTags'> {
  const extensions = isObject(body) ? body['extensions'] : undefined;
  if (!isObject(extensions)) return {};
  const { apolloCacheTags: tags, apolloEntityCacheTags: entityTags } = extensions;
  return {
    ...(Array.isArray(tags) ? { tags: strings(tags) } : {}),
    ...(Array.isArray(entityTags)
      ? { entityTags: entityTags.map((own: unknown) => (Array.isArray(own) ? strings(own) : [])) }
      : {}),
  };
}

function strings(values: readonly unknown[]): readonly string[] {
  return values.filter((value) => typeof value === 'string');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
