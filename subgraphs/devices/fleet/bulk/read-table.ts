import { CsvError, parse } from 'csv-parse/sync';
import { isLabelKey } from '../labels.js';

/** A row of a table of devices as it was written, by column. */
export interface TableRow {
  /** The line in which it ends, from 1, the header included. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** A table of devices. */
export interface DeviceTable {
  readonly header: readonly string[];
  readonly rows: readonly TableRow[];
}

/** The most rows of one table. */
const MAX_ROWS = 20_000;
const MAX_COLUMNS = 100;
/** What a label's column begins with. */
export const LABEL_COLUMN = 'label:';
const COLUMNS = ['name', 'description', 'profile', 'profileVersion', 'metrics'];

interface ParsedRecord {
  readonly record: string[];
  readonly info: { readonly lines: number };
}

/**
 * Reads a table in CSV (RFC 4180); a byte order mark and blank lines are passed over.
 *
 * Out: the table, or what is wrong with it as a whole, in words.
 */
export function readTable(csv: string): DeviceTable | { readonly mistake: string } {
  let records: ParsedRecord[];
  try {
    // With `info`, records come as the objects of the interface; the library's types do not follow.
    records = parse(csv, {
      bom: true,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
      to: MAX_ROWS + 2,
    }) as unknown as ParsedRecord[];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return { mistake: `Expected CSV: ${error.message}` };
  }
  const [first, ...rest] = records;
  if (!first) return { mistake: 'Expected a header such as `name,description,label:site`, got nothing.' };
  const mistake = checkHeader(first.record);
  if (mistake !== undefined) return { mistake };
  if (rest.length > MAX_ROWS) return { mistake: `Expected at most ${MAX_ROWS} rows, got more.` };
  if (rest.length === 0) return { mistake: 'Expected at least one row behind the header, got none.' };
  const rows = rest.map(({ record, info }) => ({ line: info.lines, cells: record }));
  return { header: first.record, rows };
}

function checkHeader(header: readonly string[]): string | undefined {
  if (header.length > MAX_COLUMNS) return `Expected at most ${MAX_COLUMNS} columns, got ${header.length}.`;
  if (!header.includes('name')) return `Expected a column \`name\`, got ${quote(header.join(','))}.`;
  const unknown = header.find((column) => !isColumn(column));
  if (unknown !== undefined) {
    return `Expected columns of ${COLUMNS.join(', ')} and ${LABEL_COLUMN}<key>, got ${quote(unknown)}.`;
  }
  const twice = header.find((column, index) => header.indexOf(column) !== index);
  return twice === undefined ? undefined : `Expected each column once, got ${quote(twice)} twice.`;
}

function isColumn(column: string): boolean {
  return (
    COLUMNS.includes(column) ||
    (column.startsWith(LABEL_COLUMN) && isLabelKey(column.slice(LABEL_COLUMN.length)))
  );
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
