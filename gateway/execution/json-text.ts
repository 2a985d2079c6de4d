/** What JSON writes otherwise than it stands: quotes, backslashes, control characters and halves of surrogate pairs. */
// eslint-disable-next-line no-control-regex -- they are what it looks for
const ESCAPED = /[\u0000-\u001f"\\\ud800-\udfff]/;

/** Beyond this, one pass over the text by the engine is faster than a look first. */
const MAX_LOOKED_AT = 4_096;

/** A string as JSON: most hold nothing to escape. */
export function stringToJson(text: string): string {
  return text.length <= MAX_LOOKED_AT && !ESCAPED.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** A value of JSON as text; undefined for what JSON has no text for. */
export function valueToJson(value: unknown): string | undefined {
  if (typeof value === 'string') return stringToJson(value);
  if (typeof value === 'number') return Number.isFinite(value) ? `${value}` : 'null';
  if (value === null) return 'null';
  return JSON.stringify(value);
}
