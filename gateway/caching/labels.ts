import { createHash } from 'node:crypto';

/** What an invalidation is aimed at. */
export type CacheSelector =
  | { readonly kind: 'subgraph'; readonly subgraph: string }
  /** Entities of a type, or root fields by the type `Query`. */
  | { readonly kind: 'type'; readonly type: string; readonly subgraph?: string | undefined }
  /** One entity, by the values of one of its keys. */
  | {
      readonly kind: 'key';
      readonly type: string;
      readonly key: Readonly<Record<string, unknown>>;
      readonly subgraph?: string | undefined;
    }
  | { readonly kind: 'tag'; readonly tag: string; readonly subgraph?: string | undefined };

/** More fields than these of one entity, or texts than these of one response, are not told apart. */
const MAX_LABELS = 512;
/** Longer values go by their digest. */
const MAX_VALUE_CHARACTERS = 64;

const ofSubgraph = (subgraph: string) => `s:${subgraph}`;
const ofType = (type: string) => `t:${type}`;
const ofTag = (tag: string) => `g:${tag}`;
const ofField = (type: string, field: string, value: unknown) =>
  `k:${type}.${field}=${shorten(canonical(value))}`;
/** Has fields that are not told apart: an invalidation of any key of the type is one of it. */
const ofAnyKey = (type: string) => `k:${type}`;

/** The labels of root fields. */
export function labelRoot(subgraph: string, tags: readonly string[] = []): readonly string[] {
  return [ofSubgraph(subgraph), ofType('Query'), ...tags.map(ofTag)];
}

/** The labels of an entity. @param representation as JSON text. */
export function labelEntity(
  subgraph: string,
  representation: string,
  tags: readonly string[] = [],
): readonly string[] {
  const { __typename: type, ...fields } = JSON.parse(representation) as Record<string, unknown>;
  const name = String(type);
  const keys = Object.entries(fields).map(([field, value]) => ofField(name, field, value));
  return [ofSubgraph(subgraph), ofType(name), ...keys, ...tags.map(ofTag)];
}

/** The labels of a response that was made of several answers; where they are many, entities are not told apart. */
export function mergeLabels(labels: ReadonlySet<string>): readonly string[] {
  if (labels.size <= MAX_LABELS) return [...labels];
  const merged = new Set<string>();
  for (const label of labels) {
    const field = /^k:([^.=]+)\./.exec(label);
    merged.add(field?.[1] === undefined ? label : ofAnyKey(field[1]));
  }
  return [...merged];
}

/** What to look for: entries that have all labels of one of these lists are meant. */
export function labelsOf(selector: CacheSelector): readonly (readonly string[])[] {
  const within = selector.subgraph === undefined ? [] : [ofSubgraph(selector.subgraph)];
  switch (selector.kind) {
    case 'subgraph':
      return [within];
    case 'type':
      return [[ofType(selector.type), ...within]];
    case 'tag':
      return [[ofTag(selector.tag), ...within]];
    case 'key': {
      const { type, key } = selector;
      const fields = Object.entries(key).map(([field, value]) => ofField(type, field, value));
      return [
        [...fields, ...within],
        [ofAnyKey(type), ...within],
      ];
    }
  }
}

/** A text in which the order of fields does not count, nor whether an ID was written as a number. */
function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}

function shorten(text: string): string {
  return text.length <= MAX_VALUE_CHARACTERS ? text : createHash('sha256').update(text).digest('base64url');
}
