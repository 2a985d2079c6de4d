import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

export interface PagesOptions {
  /** Where the built pages lie, each in a folder: `index.html`, and `assets/` with names that change with their content. */
  readonly folder: string;
}

/** The pages, by the folders that they are built into. */
const PAGES = [
  { name: 'graphiql', path: '/' },
  { name: 'dashboard', path: '/dashboard/' },
] as const;

/**
 * What the page may load: itself, from here. The editor writes inline styles and keeps its fonts and images in `data:`
 * URLs. `'self'` in `connect-src` covers the WebSocket of the same origin (Content Security Policy Level 3, §6.7.2.8).
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "connect-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self' data:",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const PAGE_HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

const NOT_BUILT =
  'The page is not built. Run `npm run build` and start again. The GraphQL endpoint is /graphql.\n';
const ONLY_FOR_BROWSERS = 'Here is a page for browsers (text/html). The GraphQL endpoint is /graphql.\n';

/**
 * A Fastify plugin that serves GraphiQL at `/` and the dashboard at `/dashboard/`, for requests that accept `text/html`, and
 * their files in `assets/` below.
 *
 * The pages themselves are asked for anew each time; their files may be kept for ever, because their names tell their
 * content. Where a page has not been built, its address says how to build it, and nothing else fails.
 */
export async function registerPages(server: FastifyInstance, { folder }: PagesOptions): Promise<void> {
  server.addHook('onSend', (_request, reply, payload, done) => {
    void reply.headers(PAGE_HEADERS);
    done(null, payload);
  });
  for (const { name, path } of PAGES) await registerPage(server, join(folder, name), path);
  // Relative, so that it leads to the right place behind a proxy's path too.
  server.get('/dashboard', (_request, reply) => reply.code(308).header('location', 'dashboard/').send());
}

async function registerPage(server: FastifyInstance, folder: string, path: string): Promise<void> {
  const page = await readFile(join(folder, 'index.html')).catch(() => undefined);
  server.get(path, async (request, reply) => {
    void reply.headers({ 'cache-control': 'no-cache', vary: 'accept' }).type('text/plain; charset=utf-8');
    if (!acceptsHtml(request.headers.accept)) return reply.code(406).send(ONLY_FOR_BROWSERS);
    if (!page) return reply.code(404).send(NOT_BUILT);
    return reply.type('text/html; charset=utf-8').send(page);
  });
  if (!page) return;
  await server.register(fastifyStatic, {
    root: resolve(folder, 'assets'),
    prefix: `${path}assets/`,
    decorateReply: false,
    index: false,
    preCompressed: true,
    immutable: true,
    maxAge: '365d',
    setHeaders: (response) => {
      response.setHeader('vary', 'accept-encoding');
    },
  });
}

/** Whether an `Accept` header takes HTML (RFC 9110, §12.5.1); a missing one takes everything. */
function acceptsHtml(accept: string | undefined): boolean {
  if (accept === undefined) return true;
  return accept.split(',').some((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    return (
      ['text/html', 'text/*', '*/*'].includes(type) && !parameters.some((one) => /^q=0(\.0*)?$/.test(one))
    );
  });
}
