import type { Table } from './bench.js';

/** A table as text: a line of figures for each subject, the figures of one kind below each other. */
export function formatTable({ title, rows, notes = [] }: Table): string {
  const names = [...new Set(rows.flatMap(({ figures }) => Object.keys(figures)))];
  const cells = [
    ['', ...names],
    ...rows.map(({ subject, figures }) => [subject, ...names.map((name) => formatFigure(figures[name]))]),
  ];
  const widths = ['', ...names].map((_name, column) =>
    Math.max(...cells.map((line) => line[column]?.length ?? 0)),
  );
  const lines = cells.map((line) =>
    line
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  );
  return [title, ...lines, ...notes.map((note) => `  ${note}`)].join('\n');
}

/** Three digits that count, and whole numbers from a hundred on. */
function formatFigure(value: number | undefined): string {
  if (value === undefined) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3);
}
