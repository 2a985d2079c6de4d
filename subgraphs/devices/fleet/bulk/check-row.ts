import type { UserError } from '../../generated/schema-types.js';
import type { MetricInput } from '../../profiles/check-metric.js';
import type { Units } from '../../profiles/units.js';
import { checkDeviceInput } from '../../registration.js';
import { isLabelValue } from '../labels.js';
import { LABEL_COLUMN, type DeviceTable, type TableRow } from './read-table.js';

/** A device as a row says; what its cell leaves empty is null. */
export interface RowDevice {
  readonly name: string;
  readonly description: string | null;
  readonly profile: string | null;
  readonly profileVersion: number | null;
  readonly metrics: readonly MetricInput[] | null;
  readonly labels: Readonly<Record<string, string>>;
}

/** A row that was looked at: the device, or what is wrong. */
export type CheckedRow = TableRow & { readonly name: string } & (
    { readonly device: RowDevice } | { readonly reason: string }
  );

/** Looks at each row of a table by itself, and for names that come twice. What profiles there are is not looked at. */
export function checkRows({ header, rows }: DeviceTable, units: Units): CheckedRow[] {
  const lines = new Map<string, number>();
  return rows.map((row) => {
    const checked = checkRow(header, row, units);
    const first = lines.get(checked.name);
    if (first !== undefined && 'device' in checked) {
      return { ...row, name: checked.name, reason: `The device is in line ${first} as well.` };
    }
    lines.set(checked.name, row.line);
    return checked;
  });
}

function checkRow(header: readonly string[], row: TableRow, units: Units): CheckedRow {
  const { cells } = row;
  const cell = (column: string) => cells[header.indexOf(column)] ?? '';
  const name = cell('name');
  const refuse = (reason: string): CheckedRow => ({ ...row, name, reason });
  if (cells.length > header.length)
    return refuse(`Expected ${header.length} cells, got ${cells.length}; a comma in a cell needs quotes.`);
  if (cells.some((text) => text.includes('\u0000'))) return refuse('Expected text without NUL.');
  const version = cell('profileVersion');
  if (version !== '' && !/^[1-9]\d{0,8}$/.test(version))
    return refuse(`profileVersion: expected a whole number from 1, got ${quote(version)}.`);
  const metrics = readMetrics(cell('metrics'));
  if (typeof metrics === 'string') return refuse(metrics);
  const labels = readLabelCells(header, cells);
  if (typeof labels === 'string') return refuse(labels);
  const device: RowDevice = {
    ...{ name, metrics, labels },
    description: cell('description') || null,
    profile: cell('profile') || null,
    profileVersion: version === '' ? null : Number(version),
  };
  const errors = checkDeviceInput({ ...device, metrics: metrics ?? null, labels: toList(labels) }, units);
  return errors.length > 0 ? refuse(errors.map(describe).join(' ')) : { ...row, name, device };
}

/** `temperature:Cel humidity:%`; null for an empty cell. */
function readMetrics(text: string): MetricInput[] | null | string {
  if (text === '') return null;
  const metrics: MetricInput[] = [];
  for (const part of text.split(/[\s;]+/).filter((one) => one !== '')) {
    const colon = part.indexOf(':');
    if (colon < 1)
      return `metrics: expected a list such as \`temperature:Cel humidity:%\`, got ${quote(text)}.`;
    metrics.push({ name: part.slice(0, colon), unit: part.slice(colon + 1) });
  }
  return metrics;
}

function readLabelCells(
  header: readonly string[],
  cells: readonly string[],
): Record<string, string> | string {
  const labels: Record<string, string> = {};
  for (const [index, column] of header.entries()) {
    const value = cells[index] ?? '';
    if (!column.startsWith(LABEL_COLUMN) || value === '') continue;
    if (!isLabelValue(value))
      return `${column}: expected a value that a label can have, got ${quote(value)}.`;
    labels[column.slice(LABEL_COLUMN.length)] = value;
  }
  return labels;
}

function toList(labels: Readonly<Record<string, string>>) {
  return Object.entries(labels).map(([key, value]) => ({ key, value }));
}

function describe({ path, message }: UserError): string {
  return path.length === 0 ? message : `${path.join('.')}: ${message}`;
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
