import type { AlarmRule } from './alarm-rule.js';

/** Whether two checked rules say the same. */
export function isSameRule(one: AlarmRule, other: AlarmRule): boolean {
  return canonical(one) === canonical(other);
}

/** Whether two checked rules look at the same, so that what one has found holds for the other. */
export function looksAtTheSame(one: AlarmRule, other: AlarmRule): boolean {
  const lookOf = ({ target, condition, forMs, clearForMs, enabled }: AlarmRule) =>
    canonical({ target, condition, forMs, clearForMs, enabled });
  return lookOf(one) === lookOf(other);
}

/** JSON with the keys of each object in order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
