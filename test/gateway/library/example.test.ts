import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { composeSupergraph } from '../../../gateway/supergraph/compose.js';
import { listCodeBlocks } from '../../support/code-blocks.js';
import { createEventSource } from '../../support/event-source.js';
import { serveForeignSubgraph } from '../../support/foreign-subgraph.js';

/** A project of somebody who has installed this one, and what the example uses. */
async function openProject(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'aegis-library-'));
  await mkdir(join(folder, 'node_modules'));
  for (const name of ['@apollo', 'graphql', 'graphql-ws', 'ws'])
    await symlink(resolve('node_modules', name), join(folder, 'node_modules', name), 'junction');
  await symlink(resolve('.'), join(folder, 'node_modules', 'aegis'), 'junction');
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

describe('the example of the README', () => {
  let closing: (() => unknown)[];
  beforeEach(() => {
    closing = [];
  });
  afterEach(async () => {
    for (const close of closing.reverse()) await close();
  });

  it('answers queries and subscriptions, and hands the client’s key on', async () => {
    const sold = createEventSource<{ sold: { id: string } }>();
    const shop = await serveForeignSubgraph('shop', {
      typeDefs: `
        type Query { first: Product }
        type Subscription { sold: Product }
        type Product @key(fields: "id") { id: ID! }`,
      resolvers: {
        Query: { first: () => ({ id: '1' }) },
        Subscription: { sold: { subscribe: () => sold.open() } },
      },
    });
    const stock = await serveForeignSubgraph('stock', {
      typeDefs: 'type Product @key(fields: "id") { id: ID! units: Int }',
      resolvers: { Product: { units: ({ id }: { id: string }) => Number(id) * 10 } },
    });
    closing.push(
      () => shop.close(),
      () => stock.close(),
    );
    const readme = await readFile('gateway/README.md', 'utf8');
    const code = listCodeBlocks(readme).filter(({ language }) => language === 'js');
    const folder = await openProject({
      'example.mjs': code.map(({ text }) => text).join('\n'),
      'supergraph.graphql': composeSupergraph([shop, stock]),
    });
    closing.push(() => rm(folder, { recursive: true, force: true }));

    const child = spawn(process.execPath, ['example.mjs'], {
      cwd: folder,
      env: { ...process.env, NODE_OPTIONS: '', PORT: '0', WS_PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    closing.push(async () => {
      child.kill();
      await exited;
    });
    const said: string[] = [];
    for await (const line of createInterface(child.stdout)) if (said.push(line) === 2) break;
    const [queriesAt = '', subscriptionsOn = ''] = said;
    const port = /^subscriptions on port (?<port>\d+)$/.exec(subscriptionsOn)?.groups?.['port'] ?? '';

    const response = await fetch(queriesAt.replace('queries at ', ''), {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer of a key' },
      body: JSON.stringify({ query: '{ first { id units } }' }),
    });
    expect(await response.json()).toEqual({ data: { first: { id: '1', units: 10 } } });
    expect(stock.requests.at(-1)?.headers.authorization).toBe('Bearer of a key');

    const client = createClient({
      url: `ws://127.0.0.1:${port}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
    });
    closing.push(() => client.dispose());
    const next = client.iterate({ query: 'subscription { sold { id units } }' }).next();
    await sold.untilReaders(1);
    sold.push({ sold: { id: '7' } });
    expect((await next).value).toEqual({ data: { sold: { id: '7', units: 70 } } });
  });
});
