import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse, type DocumentNode } from 'graphql';
import { createClient, type Client } from 'graphql-ws';
import WebSocket from 'ws';
import { composeSupergraph } from '../../gateway/supergraph/compose.js';
import { spawnAegis, type AegisProcess } from '../support/aegis-process.js';
import { runProgram, type RunningProgram } from '../support/child-process.js';
import { serveForeignSubgraph, type ForeignSubgraph } from '../support/foreign-subgraph.js';
import { findFreePort } from '../support/free-port.js';
import { waitFor } from '../support/wait-for.js';

const ROW_SUBGRAPH = fileURLToPath(new URL('../support/processes/row-subgraph.ts', import.meta.url));
const LINK = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])\n`;
const ROWS = 'subscription Rows($after: String) { rows(after: $after) { cursor value name } }';
/** How many events are awaited after each thing that happens. */
const MORE = 40;

interface RowEvent {
  readonly rows: { readonly cursor: string; readonly value: number; readonly name: string };
}

let folder: string;
let supergraph: string;
let rowsPort: number;
let gatewayPort: number;
let names: ForeignSubgraph;
let rows: RunningProgram;
let gateway: AegisProcess;
let client: Client;
const stopping = new AbortController();
const seen: RowEvent['rows'][] = [];
const told: string[] = [];
let written = 0;

/** What the subgraph of rows says of itself, with what else it is said to have. */
function describeRows(more = '') {
  return {
    name: 'rows',
    url: `http://127.0.0.1:${rowsPort}/graphql`,
    typeDefs: parse(`${LINK}
      type Query { rows: Int }
      type Mutation { add(value: Int!): Int }
      type Subscription { rows(after: String): Row }
      type Row @key(fields: "cursor") { cursor: String! value: Int${more} }`),
  };
}

async function compose(...subgraphs: { name: string; url: string; typeDefs: DocumentNode }[]): Promise<void> {
  await writeFile(supergraph, composeSupergraph(subgraphs));
}

async function startRows(): Promise<void> {
  rows = runProgram(process.execPath, [
    ...['--import', 'tsx', ROW_SUBGRAPH],
    ...['--port', String(rowsPort), '--file', join(folder, 'rows.txt')],
  ]);
  await waitFor('the subgraph answers', () => rows.output().includes('ready') || endedEarly(rows));
}

function endedEarly(program: RunningProgram): false {
  if (program.hasEnded()) throw new Error(program.output());
  return false;
}

async function startGateway(): Promise<void> {
  gateway = spawnAegis(['gateway', '--supergraph', supergraph, '--port', String(gatewayPort)], {
    env: { AEGIS_SUBSCRIPTION_RECONNECTS: '50', AEGIS_SCHEMA_CHANGE_SPREAD_MS: '100' },
  });
  await gateway.waitForLine('it answered', (line) => typeof line['url'] === 'string');
}

/** Writes one row after the other, past the gateway; one whose writing was not confirmed is written again. */
async function write(): Promise<void> {
  while (!stopping.signal.aborted) {
    const response = await fetch(`http://127.0.0.1:${rowsPort}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: `mutation { add(value: ${written + 1}) }` }),
    }).catch(() => undefined);
    if (response?.ok) written += 1;
    await sleep(5);
  }
}

/**
 * Follows the rows as an application does: graphql-ws connects again by itself, and what it is told to ask anew is asked
 * anew, each time behind the last event that came, and at first behind no row at all.
 */
function follow(): void {
  const variables = { after: seen.at(-1)?.cursor ?? 'row-0' };
  client.subscribe<RowEvent>(
    { query: ROWS, variables },
    {
      next({ data, errors }) {
        if (!data) told.push(JSON.stringify(errors));
        else {
          seen.push(data.rows);
          variables.after = data.rows.cursor;
        }
      },
      error(reason) {
        told.push(JSON.stringify(reason));
        void sleep(50).then(() => {
          if (!stopping.signal.aborted) follow();
        });
      },
      complete: () => undefined,
    },
  );
}

async function seeMore(what: string): Promise<void> {
  const before = seen.length;
  await waitFor(`events come ${what}`, () => seen.length >= before + MORE, { deadlineMs: 30_000 });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aegis-held-'));
  supergraph = join(folder, 'supergraph.graphql');
  rowsPort = await findFreePort();
  gatewayPort = await findFreePort();
  names = await serveForeignSubgraph('names', {
    typeDefs: 'type Row @key(fields: "cursor") { cursor: String! name: String }',
    resolvers: { Row: { name: ({ cursor }: { cursor: string }) => `name of ${cursor}` } },
  });
  await compose(describeRows(), names);
  await startRows();
  await startGateway();
  client = createClient({
    url: `ws://127.0.0.1:${gatewayPort}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: Infinity,
    shouldRetry: () => true,
    retryWait: () => sleep(50),
  });
}, 60_000);

afterAll(async () => {
  stopping.abort();
  await client.dispose();
  await gateway.stop();
  await rows.stop();
  await names.close();
  await rm(folder, { recursive: true, force: true });
}, 30_000);

describe('a subscription whose field takes `after`', () => {
  it('loses no event and doubles none while its subgraph, the supergraph and the gateway come and go', async () => {
    const writing = write();
    follow();
    await seeMore('at first');

    await rows.stop('SIGKILL');
    await sleep(300);
    await startRows();
    await seeMore('after the subgraph was killed and started again');
    expect(told).toEqual([]);

    const more = { name: 'more', url: names.url, typeDefs: parse(`${LINK} type Query { more: Int }`) };
    const swaps = () => gateway.lines.filter(({ msg }) => msg === 'took another supergraph').length;
    await compose(describeRows(), names, more);
    await waitFor('the supergraph is taken', () => swaps() === 1);
    await seeMore('after a swap that changes nothing of it');
    expect(told).toEqual([]);

    await compose(describeRows(), { ...names, url: `${names.url}?moved` }, more);
    await waitFor('the supergraph is taken', () => swaps() === 2);
    await waitFor('it is told so', () => told.length === 1);
    expect(told[0]).toContain('SCHEMA_CHANGED');
    await seeMore('after a swap that changes it');

    expect(await gateway.stop('SIGTERM')).toBe(0);
    expect(told[1]).toContain('STOPPING');
    await startGateway();
    await seeMore('after the gateway was stopped and started again');

    stopping.abort();
    await writing;
    await waitFor('all have come', () => seen.length >= written);
    expect(seen.map(({ value }) => value)).toEqual(Array.from({ length: written }, (_, index) => index + 1));
    expect(seen.every(({ cursor, name }) => name === `name of ${cursor}`)).toBe(true);
    expect(told).toHaveLength(2);
  }, 120_000);
});
