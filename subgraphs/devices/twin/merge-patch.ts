/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a value is a JSON object, and so no array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether two JSON values are the same; the order of members does not count. */
export function isSameJson(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((value, index) => isSameJson(value, other[index]));
  if (!isJsonObject(one) || !isJsonObject(other)) return false;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && isSameJson(one[name], other[name]))
  );
}

/**
 * Applies a merge patch to a document; neither is changed. What the patch has null is removed, objects are merged, and
 * everything else, arrays included, is replaced.
 *
 * Source: RFC 7396, §2.
 */
export function applyMergePatch(document: JsonObject, patch: JsonObject): JsonObject {
  const kept = Object.entries(document).filter(([name]) => !Object.hasOwn(patch, name));
  const patched = Object.entries(patch)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => [name, mergeValue(ownValue(document, name), value)] as const);
  // Not by assignment: a member may be named __proto__.
  return Object.fromEntries([...kept, ...patched]);
}

function mergeValue(value: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  return applyMergePatch(isJsonObject(value) ? value : {}, patch);
}

/** The smallest merge patch that makes one document of another; empty when they are the same. Neither may hold a null. */
export function makeMergePatch(from: JsonObject, to: JsonObject): JsonObject {
  const removed = Object.keys(from)
    .filter((name) => !Object.hasOwn(to, name))
    .map((name) => [name, null] as const);
  const changed = Object.entries(to).flatMap(([name, value]) => {
    const former = ownValue(from, name);
    if (isSameJson(former, value)) return [];
    const change = isJsonObject(former) && isJsonObject(value) ? makeMergePatch(former, value) : value;
    return [[name, change] as const];
  });
  return Object.fromEntries([...removed, ...changed]);
}

/** The members of what is desired that are not reported, or reported otherwise; what is only reported is left out. */
export function findDelta(desired: JsonObject, reported: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(desired).flatMap(([name, value]) => {
      const actual = ownValue(reported, name);
      if (isSameJson(actual, value)) return [];
      if (!isJsonObject(value) || !isJsonObject(actual)) return [[name, value] as const];
      const inner = findDelta(value, actual);
      return Object.keys(inner).length === 0 ? [] : [[name, inner] as const];
    }),
  );
}

function ownValue(document: JsonObject, name: string): unknown {
  return Object.hasOwn(document, name) ? document[name] : undefined;
}
