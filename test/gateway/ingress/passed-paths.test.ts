import { request } from 'node:http';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { createPassedPaths, type PassedPathsOptions } from '../../../gateway/ingress/passed-paths.js';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { createHandOverSigner, createHandOverVerifier } from '../../../kernel/identity/hand-over.js';
import { DEFAULT_WORKSPACE } from '../../../kernel/identity/principal.js';

const SECRET = 'a-secret-for-tests-of-at-least-32-characters';
const PRINCIPAL = { subject: 'somebody', workspace: DEFAULT_WORKSPACE, roles: ['admin'] };
const opened: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

async function listen(server: FastifyInstance): Promise<string> {
  opened.push(server);
  return server.listen({ host: '127.0.0.1', port: 0 });
}

/** A subgraph that tells what it was asked. */
async function startSubgraph(): Promise<string> {
  const server = Fastify();
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    done(null, body);
  });
  server.all('/*', (request, reply) => {
    void reply
      .code(request.url.includes('odd') ? 418 : 200)
      .headers({ 'retry-after': '7', 'x-inside': 'yes' });
    const { method, url, headers, body } = request;
    return { method, url, headers, body: body ?? null };
  });
  return listen(server);
}

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: unknown;
}

/** A gateway whose supergraph has one subgraph, `things`. */
async function startGateway(subgraphUrl: string, changes: Partial<PassedPathsOptions> = {}): Promise<string> {
  const snapshot = { subgraphs: [{ name: 'things', url: `${subgraphUrl}/graphql` }] };
  const passed = createPassedPaths({
    paths: [
      { method: 'GET', path: '/api/state', subgraph: 'things' },
      { method: 'GET', path: '/api/odd', subgraph: 'things' },
      { method: 'GET', path: '/api/elsewhere', subgraph: 'nowhere' },
      { method: 'POST', path: '/things/:id/state', subgraph: 'things' },
    ],
    gateway: { current: { snapshot } } as unknown as PassedPathsOptions['gateway'],
    identify: ({ token }) => (token === 'good' ? PRINCIPAL : undefined),
    signerFor: (subgraph) => createHandOverSigner({ secret: SECRET, subgraph }),
    isGuest: () => false,
    ...{ timeoutMs: 2_000, maxResponseBytes: 100_000, logger: pino({ level: 'silent' }) },
    ...changes,
  });
  opened.push(passed);
  const server = Fastify();
  passed.route(server);
  return listen(server);
}

async function ask(url: string, init: RequestInit = {}) {
  const response = await fetch(url, init);
  const body = (await response.json()) as Asked & { readonly error: { readonly code: string } };
  return { status: response.status, headers: response.headers, body };
}

describe('a path that is passed on', () => {
  it('comes to the subgraph with who asks, and never with what the client has shown', async () => {
    const gateway = await startGateway(await startSubgraph());
    for (const shown of [{ authorization: 'Bearer good' }, { 'x-api-key': 'good' }]) {
      const { status, body } = await ask(`${gateway}/api/state?token=good`, {
        headers: { ...shown, cookie: 'a=b' },
      });
      expect([status, body.method, body.url]).toEqual([200, 'GET', '/api/state']);
      expect(JSON.stringify(body)).not.toMatch(/good|a=b/);
      const verify = createHandOverVerifier({ secret: SECRET, subgraph: 'things' });
      const token = body.headers['authorization']?.replace('Bearer ', '');
      expect(await verify(token)).toEqual(PRINCIPAL);
    }
  });

  it.each([
    ['nothing', {}],
    ['a wrong key', { authorization: 'Bearer bad' }],
    ['what is no bearer token', { authorization: 'good' }],
  ])('comes as from nobody with %s', async (_what, headers: Record<string, string>) => {
    const { status, body } = await ask(`${await startGateway(await startSubgraph())}/api/state`, { headers });
    expect([status, body.headers['authorization']]).toEqual([200, undefined]);
  });

  it('comes as from nobody with an expired token, and with one that this gateway may not sign for', async () => {
    const subgraph = await startSubgraph();
    const expired = await startGateway(subgraph, {
      identify: () => Promise.reject(new AegisError('UNAUTHENTICATED', 'the token has expired.')),
    });
    const unsigned = await startGateway(subgraph, { signerFor: () => undefined });
    for (const gateway of [expired, unsigned]) {
      const { status, body } = await ask(`${gateway}/api/state`, {
        headers: { authorization: 'Bearer good' },
      });
      expect([status, body.headers['authorization']]).toEqual([200, undefined]);
    }
  });

  it('is answered with the status of the subgraph, and with no more of its headers than clients need', async () => {
    const { status, headers } = await ask(`${await startGateway(await startSubgraph())}/api/odd`);
    expect([status, headers.get('retry-after'), headers.get('x-inside')]).toEqual([418, '7', null]);
    expect(headers.get('content-type')).toContain('application/json');
  });

  it('takes its body along as it is, up to a size', async () => {
    const gateway = await startGateway(await startSubgraph());
    const post = (body: string) =>
      ask(`${gateway}/things/a%20b/state`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
    const { status, body } = await post('{"value": }');
    expect([status, body.url, body.headers['content-type']]).toEqual([
      ...[200, '/things/a%20b/state', 'application/json'],
    ]);
    expect(body.body).toBe('{"value": }');
    expect(await post('x'.repeat(70_000))).toMatchObject({
      ...{ status: 413, body: { error: { code: 'PAYLOAD_TOO_LARGE' } } },
    });
  });

  it('leads to no other path of the subgraph', async () => {
    const gateway = await startGateway(await startSubgraph());
    // As fetch would not send it: it follows the dots itself.
    const { hostname, port } = new URL(gateway);
    const status = await new Promise((resolve, reject) => {
      const asking = request({ hostname, port, method: 'POST', path: '/things/%2e%2e/state' }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asking.on('error', reject).end();
    });
    expect(status).toBe(404);
  });

  it('is not there without its subgraph, nor where somebody else has registered one of its name', async () => {
    const subgraph = await startSubgraph();
    expect((await ask(`${await startGateway(subgraph)}/api/elsewhere`)).status).toBe(404);
    const guest = await startGateway(subgraph, { isGuest: () => true });
    expect(await ask(`${guest}/api/state`)).toMatchObject({
      ...{ status: 404, body: { error: { code: 'NOT_FOUND' } } },
    });
  });

  it('is refused for now while the subgraph cannot be reached, or takes too long', async () => {
    const gone = Fastify();
    const url = await gone.listen({ host: '127.0.0.1', port: 0 });
    await gone.close();
    const slow = Fastify();
    slow.get('/api/state', () => new Promise(() => undefined));
    slow.addHook('onClose', () => {
      slow.server.closeAllConnections();
    });
    const slowUrl = await listen(slow);
    for (const gateway of [await startGateway(url), await startGateway(slowUrl, { timeoutMs: 50 })]) {
      expect(await ask(`${gateway}/api/state`)).toMatchObject({
        ...{ status: 503, body: { error: { code: 'UNAVAILABLE', retryable: true } } },
      });
    }
  });
});
