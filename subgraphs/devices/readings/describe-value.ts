/** Shows a value of a payload in a message, cut off where it is long. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return 'a list';
  return value === undefined ? 'nothing' : 'an object';
}

/** Shows a name in a message, cut off where it is long. */
export function quote(name: string): string {
  return JSON.stringify(name.slice(0, 64));
}
