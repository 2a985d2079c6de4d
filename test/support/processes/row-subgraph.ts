import { appendFile, readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { createEventSource } from '../event-source.js';
import { serveForeignSubgraph } from '../foreign-subgraph.js';

/*
 * A subgraph that runs as a process of its own and keeps its rows in a file, so that it can be killed and started again:
 * `tsx row-subgraph.ts --port 4001 --file rows.txt`. It says `ready` when it answers.
 */

interface Row {
  readonly cursor: string;
  readonly value: number;
}

const { port = '0', file = '' } = parseArgs({
  options: { port: { type: 'string' }, file: { type: 'string' } },
}).values;
const text = await readFile(file, 'utf8').catch(() => '');
const rows = text.split('\n').flatMap((line, index) => (line === '' ? [] : toRow(Number(line), index)));
const live = createEventSource<Row>();
let writing: Promise<unknown> = Promise.resolve();

function toRow(value: number, index: number): Row {
  return { cursor: `row-${index + 1}`, value };
}

/** First what is stored behind the cursor, and then what comes. */
async function* follow(after: string | null | undefined) {
  const coming = live.open();
  const known = rows.findIndex(({ cursor }) => cursor === after) + 1;
  const stored = after == null ? [] : rows.slice(known);
  try {
    yield* stored;
    yield* coming;
  } finally {
    await coming.return?.();
  }
}

/** Tells of a row only once it is stored, and stores none twice. */
async function add(value: number): Promise<number> {
  if (rows.some((row) => row.value === value)) return value;
  await appendFile(file, `${value}\n`);
  const row = toRow(value, rows.length);
  rows.push(row);
  live.push(row);
  return value;
}

await serveForeignSubgraph(
  'rows',
  {
    typeDefs: `
      type Query { rows: Int }
      type Mutation { add(value: Int!): Int }
      type Subscription { rows(after: String): Row }
      type Row @key(fields: "cursor") { cursor: String! value: Int }`,
    resolvers: {
      Query: { rows: () => rows.length },
      Mutation: {
        add: (_root: unknown, { value }: { value: number }) => {
          const added = writing.then(() => add(value));
          writing = added.catch(() => undefined);
          return added;
        },
      },
      Subscription: {
        rows: {
          subscribe: (_root: unknown, { after }: { after?: string | null }) => follow(after),
          resolve: (row: Row) => row,
        },
      },
    },
  },
  { port: Number(port) },
);
process.stdout.write('ready\n');
