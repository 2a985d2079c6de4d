import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drawBarChart, type Bar } from './support/bar-chart.js';
import type { Row, Table } from './support/bench.js';
import { drawLocking } from './support/draw-locking.js';

interface Drawing {
  readonly file: string;
  readonly bench: string;
  /** Which of its tables. */
  readonly table: number;
  readonly title: string;
  readonly figure: string;
  readonly subtitle: string;
}

const DRAWINGS: readonly Drawing[] = [
  {
    file: 'heavy-query.svg',
    ...{ bench: 'heavy-query', table: 0, figure: 'CPU ms/operation' },
    title: 'A heavy query: 16 fetches over four subgraphs',
    subtitle: 'Processor time of the gateway for each operation, in milliseconds; less is better',
  },
  {
    file: 'small-query.svg',
    ...{ bench: 'heavy-query', table: 1, figure: 'CPU ms/operation' },
    title: 'A small query: one subgraph and one entity hop',
    subtitle: 'Processor time of the gateway for each operation, in milliseconds; less is better',
  },
  {
    file: 'fan-out.svg',
    ...{ bench: 'fan-out', table: 0, figure: 'CPU µs/delivery' },
    title: 'One subscription for many clients over WebSocket, with one entity hop',
    subtitle: 'Processor time of the gateway for each event and client, in microseconds; less is better',
  },
  {
    file: 'many-plans.svg',
    ...{ bench: 'many-plans', table: 0, figure: 'longest block ms' },
    title: 'Operations that nobody has sent before, over twenty subgraphs',
    subtitle: 'Longest time for which the gateway’s event loop was blocked, in milliseconds; less is better',
  },
];

/**
 * Draws what the benches have left in `bench/results` into `bench/charts`.
 *
 * @param folder the one of the benches.
 * @returns the files that were drawn; those without results are left as they are.
 */
export async function drawCharts(folder: string): Promise<readonly string[]> {
  await mkdir(join(folder, 'charts'), { recursive: true });
  const drawn: string[] = [];
  for (const { file, bench, table, title, subtitle, figure } of DRAWINGS) {
    const bars = toBars(await readRows(join(folder, 'results', `${bench}.json`), table), figure);
    if (bars.length === 0) continue;
    await writeFile(join(folder, 'charts', file), drawBarChart({ title, subtitle, bars }));
    drawn.push(join('charts', file));
  }
  // Of no bench: it is computed, and the same on every machine.
  await writeFile(join(folder, 'charts', 'locking.svg'), drawLocking());
  return [...drawn, join('charts', 'locking.svg')];
}

async function readRows(file: string, table: number): Promise<readonly Row[]> {
  try {
    const { tables } = JSON.parse(await readFile(file, 'utf8')) as { readonly tables: readonly Table[] };
    return tables[table]?.rows ?? [];
  } catch {
    // No such bench has been run here.
    return [];
  }
}

function toBars(rows: readonly Row[], figure: string): readonly Bar[] {
  return rows.flatMap(({ subject, figures }) => {
    const value = figures[figure];
    return value === undefined ? [] : [{ label: shorten(subject), value, kind: kindOf(subject) }];
  });
}

function kindOf(subject: string): Bar['kind'] {
  if (subject.startsWith('Aegis')) return 'ours';
  return subject.startsWith('floor') ? 'floor' : 'peer';
}

function shorten(subject: string): string {
  return subject
    .replace('floor: the same bytes over node:http', 'floor: node:http')
    .replace('equal client operations coalesced', 'equal operations coalesced')
    .replace(', the same data in a schema of its own', ', nothing federated')
    .replace(/(?<thousands>\d)(?=\d{3} clients)/, '$<thousands>,');
}
