/** RFC 3339, §5.6, with as many digits of a second as are given. */
const INSTANT =
  /^(?<date>\d{4}-\d{2}-\d{2})[Tt](?<time>\d{2}:\d{2}:\d{2})(?:\.(?<fraction>\d{1,9}))?(?<offset>[Zz]|[+-]\d{2}:\d{2})$/;

/**
 * Reads an instant to the microsecond; finer digits are cut off. Undefined when it is not one.
 *
 * Source: RFC 3339, §5.6 and §5.7. A leap second (`:60`) is not accepted, as the clock here has none.
 */
export function parseInstantUs(text: string): number | undefined {
  const groups = INSTANT.exec(text)?.groups;
  if (!groups) return undefined;
  const { date = '', time = '', fraction = '', offset = '' } = groups;
  const wallMs = Date.parse(`${date}T${time}Z`);
  const offsetMs = parseOffsetMs(offset);
  // The engine carries 30 February into March; only a real date comes back as it was written.
  const real = !Number.isNaN(wallMs) && new Date(wallMs).toISOString().startsWith(`${date}T${time}`);
  if (!real || offsetMs === undefined) return undefined;
  return (wallMs - offsetMs) * 1_000 + Number(fraction.padEnd(6, '0').slice(0, 6));
}

function parseOffsetMs(offset: string): number | undefined {
  if (offset === 'Z' || offset === 'z') return 0;
  const hours = Number(offset.slice(1, 3));
  const minutes = Number(offset.slice(4, 6));
  if (hours > 23 || minutes > 59) return undefined;
  return (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
