/** Words and figures as people read them, in the language of the browser. */

const UNITS: Readonly<Record<string, string>> = {
  '1': '',
  Cel: '°C',
  '[degF]': '°F',
  'By/s': 'B/s',
  By: 'B',
  '/s': '/s',
  '/min': '/min',
  deg: '°',
  'm/s2': 'm/s²',
  bit: 'bit',
};

/** A UCUM code as people write the unit. */
export function formatUnit(code: string): string {
  return UNITS[code] ?? code.replaceAll('.', '·');
}

/** A number with as many digits as are worth reading. */
export function formatNumber(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  const digits = size >= 100 || value === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toLocaleString(undefined, { maximumFractionDigits: digits });
}

const MOST_DIGITS = 12;

/** A number among others that are `step` apart, with the digits that tell them apart. */
export function formatStep(value: number, step: number): string {
  if (!(step > 0)) return formatNumber(value);
  let digits = 0;
  while (digits < MOST_DIGITS && !isWhole(step * 10 ** digits)) digits += 1;
  return value.toLocaleString(undefined, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function isWhole(value: number): boolean {
  return Math.round(value) > 0 && Math.abs(value - Math.round(value)) < 1e-6 * value;
}

/** A value with its unit; bytes in the largest unit that suits. */
export function formatValue(value: number | null | undefined, unit: string): string {
  if (value == null) return '–';
  if (unit === 'By' || unit === 'By/s') return formatBytes(value) + (unit === 'By/s' ? '/s' : '');
  const shown = formatUnit(unit);
  return shown === '' ? formatNumber(value) : `${formatNumber(value)} ${shown}`;
}

function formatBytes(value: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = value < 1 ? 0 : Math.min(names.length - 1, Math.floor(Math.log2(value) / 10));
  return `${formatNumber(value / 1_024 ** power)} ${names[power] ?? 'B'}`;
}

/** The time of day, with the date when it is not today's. */
export function formatTime(at: string | number | Date): string {
  const date = new Date(at);
  const time = date.toLocaleTimeString();
  return date.toDateString() === new Date().toDateString() ? time : `${date.toLocaleDateString()} ${time}`;
}

/** How long something is ago, such as `12 s`. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
