import type { Table } from './bench.js';

/** A table as text: a line of figures for each subject, the figures of one kind below each other. */
export function formatTable(table: Table): string {
  const cells = toCells(table);
  const widths = (cells[0] ?? []).map((_name, column) =>
    Math.max(...cells.map((line) => line[column]?.length ?? 0)),
  );
  const lines = cells.map((line) =>
    line
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  );
  return [table.title, ...lines, ...(table.notes ?? []).map((note) => `  ${note}`)].join('\n');
}

/** The same in Markdown. */
export function formatMarkdown(table: Table): string {
  const [head = [], ...lines] = toCells(table).map((line) => `| ${line.join(' | ')} |`);
  const ruler = `| --- |${' ---: |'.repeat(namesOf(table).length)}`;
  return [`**${table.title}**`, '', head, ruler, ...lines, '', ...(table.notes ?? [])].join('\n');
}

function toCells(table: Table): readonly (readonly string[])[] {
  const names = namesOf(table);
  return [
    ['', ...names],
    ...table.rows.map(({ subject, figures }) => [
      subject,
      ...names.map((name) => formatFigure(figures[name])),
    ]),
  ];
}

/** The figures that any of the rows has. */
function namesOf({ rows }: Table): readonly string[] {
  return [...new Set(rows.flatMap(({ figures }) => Object.keys(figures)))].filter((name) =>
    rows.some(({ figures }) => figures[name] !== undefined),
  );
}

/** Three digits that count, and whole numbers as they are. */
function formatFigure(value: number | undefined): string {
  if (value === undefined) return '–';
  if (Number.isInteger(value) || Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3);
}
