/* Answers each request with the same bytes after as many requests to the subgraphs as a plan has fetches: what HTTP alone
 * costs a gateway. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { serveTasks } from '../support/tasks.js';

export type FetchAndAnswerTasks = {
  /** Begins to answer with a body, and tells at which URL. */
  readonly serve: (options: {
    readonly body: string;
    readonly upstream: string;
    readonly path: string;
    readonly request: string;
    readonly fetches: number;
  }) => Promise<string>;
};

serveTasks({
  async serve({ body, upstream, path, request: upstreamBody, fetches }) {
    const bytes = Buffer.from(body);
    const headers = { 'content-type': 'application/json; charset=utf-8', 'content-length': bytes.length };
    const pool = new Pool(upstream, { connections: 64 });
    const options = {
      method: 'POST',
      path,
      body: upstreamBody,
      headers: { 'content-type': 'application/json' },
    } as const;

    async function fetchAll(): Promise<void> {
      const calls = Array.from({ length: fetches }, async () => (await pool.request(options)).body.text());
      await Promise.all(calls);
    }

    const server = createServer((request, response) => {
      request.resume().once('end', () => {
        void fetchAll().then(() => response.writeHead(200, headers).end(bytes));
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
  },
} satisfies FetchAndAnswerTasks);
