/* The shop's subgraphs in one process. Each distinct request is executed once and then answered from memory, so that they
 * cost next to nothing while a gateway is measured. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { execute, parse } from 'graphql';
import { createShopSchemas } from '../shop/shop.js';
import { serveTasks } from '../support/tasks.js';

export type ShopSubgraphTasks = {
  /** Begins to answer at `/<name>` of the URL that it tells. */
  readonly serve: (options: null) => Promise<string>;
  /** How many requests there were so far. */
  readonly count: (options: null) => number;
};

const schemas = createShopSchemas();
const answers = new Map<string, Buffer>();
const seen = { requests: 0 };

async function answer(name: string, body: string): Promise<Buffer> {
  const known = answers.get(name + body);
  if (known) return known;
  const schema = schemas[name];
  if (!schema) throw new Error(`there is no subgraph ${name}`);
  const { query, variables } = JSON.parse(body) as { query: string; variables?: Record<string, unknown> };
  const result = await execute({ schema, document: parse(query), variableValues: variables ?? {} });
  const bytes = Buffer.from(JSON.stringify(result));
  answers.set(name + body, bytes);
  return bytes;
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  request.setEncoding('utf8');
  for await (const chunk of request) body += String(chunk);
  return body;
}

serveTasks({
  async serve() {
    const server = createServer((request, response) => {
      seen.requests += 1;
      void readBody(request)
        .then((body) => answer(request.url?.slice(1) ?? '', body))
        .then((bytes) => {
          const headers = { 'content-type': 'application/json', 'content-length': bytes.length };
          response.writeHead(200, headers).end(bytes);
        });
    }).listen(0, '127.0.0.1');
    server.keepAliveTimeout = 60_000;
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  },
  count: () => seen.requests,
} satisfies ShopSubgraphTasks);
