import type { ExecutionResult } from 'graphql';

/**
 * Where the errors of a response are. Which of several errors inside something that became null are told is left to the
 * executor (GraphQL specification, §6.4.4): of those only counts that there was one.
 */
export function errorPlaces({ data, errors = [] }: ExecutionResult): readonly string[] {
  const places = errors.map(({ path = [] }) => {
    let value: unknown = data;
    for (const [depth, step] of path.entries()) {
      if (value === null) return `inside ${path.slice(0, depth).join('.')}`;
      value = (value as Record<string | number, unknown>)[step];
    }
    return value === null ? `at ${path.join('.')}` : `where there is a value: ${path.join('.')}`;
  });
  return [...new Set(places)].sort();
}
