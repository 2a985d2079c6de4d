import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import Fastify, { type FastifyInstance } from 'fastify';
import { registerPages } from '../../../gateway/ingress/static-pages.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aegis-pages-'));
  for (const [name, title] of [
    ['graphiql', 'Aegis'],
    ['dashboard', 'Aegis dashboard'],
  ] as const) {
    await mkdir(join(folder, 'built', name, 'assets'), { recursive: true });
    await writeFile(join(folder, 'built', name, 'index.html'), `<title>${title}</title>`);
    await writeFile(join(folder, 'built', name, 'assets/main-1a2b.js'), 'run()');
  }
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const servers: FastifyInstance[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** Serves a folder of pages on a port of its own, and asks that for an address. */
async function serve(name: string): Promise<(path: string, accept?: string) => Promise<Response>> {
  const server = Fastify();
  servers.push(server);
  server.get('/health', () => 'up');
  await server.register(registerPages, { folder: join(folder, name) });
  const origin = await server.listen({ host: '127.0.0.1', port: 0 });
  return (path, accept = '*/*') => fetch(origin + path, { headers: { accept } });
}

describe('the pages', () => {
  it('serves the page to browsers, to be asked for each time, and lets nothing in from elsewhere', async () => {
    const ask = await serve('built');
    const page = await ask('/', 'text/html,application/xhtml+xml,*/*;q=0.8');
    expect(page.status).toBe(200);
    expect(await page.text()).toBe('<title>Aegis</title>');
    expect(Object.fromEntries(page.headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
    const policy = page.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/https?:|\*|unsafe-eval/);
  });

  it('lets files with their content in their name be kept for ever, and keeps its headers to itself', async () => {
    const ask = await serve('built');
    const file = await ask('/assets/main-1a2b.js');
    expect(await file.text()).toBe('run()');
    expect(file.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(file.headers.get('content-type')).toMatch(/javascript/);
    expect((await ask('/assets/..%2findex.html')).status).not.toBe(200);
    expect((await ask('/health')).headers.has('content-security-policy')).toBe(false);
  });

  it.each(['application/json', 'text/html;q=0, application/json'])(
    'refuses the page to a client that accepts %s',
    async (accept) => {
      const ask = await serve('built');
      const answer = await ask('/', accept);
      expect(answer.status).toBe(406);
      expect(await answer.text()).toContain('/graphql');
    },
  );

  it('serves the dashboard beside it, with its own files', async () => {
    const ask = await serve('built');
    expect(await (await ask('/dashboard/', 'text/html')).text()).toBe('<title>Aegis dashboard</title>');
    expect((await ask('/dashboard/assets/main-1a2b.js')).status).toBe(200);
    // Followed by fetch: without the slash it leads there.
    expect(await (await ask('/dashboard', 'text/html')).text()).toBe('<title>Aegis dashboard</title>');
  });

  it('says how to build the page when it is not built', async () => {
    const ask = await serve('missing');
    const answer = await ask('/', 'text/html');
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(await answer.text()).toContain('npm run build');
  });
});
