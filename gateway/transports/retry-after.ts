/**
 * How long a server asks to be left alone, in milliseconds: from seconds or a date; undefined when it says nothing, or
 * nothing that can be read. Source: RFC 9110, §10.2.3.
 */
export function readRetryAfter(
  header: string | readonly string[] | undefined,
  now: number = Date.now(),
): number | undefined {
  if (typeof header !== 'string') return undefined;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  // A date begins with the name of a day; other texts that JavaScript takes for a date are none here.
  const at = /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
