import type { Supergraph } from '@apollo/federation-internals';

const OBJECT_OF_FIELD_SET = /(?<name>\w+)\s*(?:\([^)]*\)\s*)?\{/g;

/**
 * The names of fields that some key or `@requires` goes into: objects that are fetched for the gateway's own sake.
 *
 * A client's selection of the same object needs a value of its own. In one value, a field that may not be null and fails
 * for the one would be missing for the other.
 */
export function findRequiredObjects({ schema }: Supergraph): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [directive, argument] of [
    ['join__field', 'requires'],
    ['join__type', 'key'],
  ] as const) {
    for (const application of schema.directive(directive)?.applications() ?? []) {
      const fields: unknown = application.arguments()[argument];
      if (typeof fields !== 'string') continue;
      for (const { groups } of fields.matchAll(OBJECT_OF_FIELD_SET)) names.add(groups?.['name'] ?? '');
    }
  }
  return names;
}
