/* Answers every request with the same bytes: what node:http alone costs. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serveTasks } from '../support/tasks.js';

export type HttpFromMemoryTasks = {
  /** Begins to answer with a body, and tells at which URL. */
  readonly serve: (options: { readonly body: string }) => Promise<string>;
};

serveTasks({
  async serve({ body }) {
    const bytes = Buffer.from(body);
    const headers = { 'content-type': 'application/json; charset=utf-8', 'content-length': bytes.length };
    const server = createServer((request, response) => {
      request.resume().once('end', () => response.writeHead(200, headers).end(bytes));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
  },
} satisfies HttpFromMemoryTasks);
