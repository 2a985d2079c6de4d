import type { RejectedRow } from './registry.js';

/** What a spreadsheet would take for a formula. Source: OWASP, CSV Injection. */
const FORMULA = /^[=+\-@\t\r]/;

/** Refused rows as CSV (RFC 4180) with the columns of their table and a last one, `error`. */
export function writeRejectedCsv(header: readonly string[], rows: readonly RejectedRow[]): string {
  const lines = [
    [...header, 'error'],
    ...rows.map(({ cells, reason }) => [...header.map((_column, index) => cells[index] ?? ''), reason]),
  ];
  return lines.map((cells) => `${cells.map(writeCell).join(',')}\r\n`).join('');
}

function writeCell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
