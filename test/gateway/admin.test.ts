import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { openAdminEndpoint } from '../../gateway/admin/admin-endpoint.js';
import { createAdminSchema } from '../../gateway/admin/admin-schema.js';
import { createUsageResolvers } from '../../gateway/admin/usage-resolvers.js';
import { loadTypeDefs } from '../../kernel/graphql/load-type-defs.js';
import { createIdentify, parseApiKeys } from '../../kernel/identity/api-keys.js';
import { DEFAULT_WORKSPACE, type WorkspaceId } from '../../kernel/identity/principal.js';
import type { IdentifyClient } from '../../kernel/graphql/subgraph.js';
import { createLogger } from '../../kernel/telemetry/logger.js';
import { serveGateway, type ServedGateway } from '../support/gateway-server.js';

const logger = createLogger({ level: 'silent', pretty: false });
const since = new Date('2026-01-31T12:00:00Z');
let served: ServedGateway;
let close: () => Promise<void>;
afterEach(async () => {
  await served.close();
  await close();
});

const identifyAs =
  (roles: readonly string[], workspace = DEFAULT_WORKSPACE): IdentifyClient =>
  ({ token }) =>
    token === undefined ? undefined : { subject: 'one', workspace, roles };

/** A gateway with an administration that knows of usage alone. */
async function open(who: readonly string[] | IdentifyClient, totals: readonly [string, number][] = []) {
  const usage = { since, totals: () => Promise.resolve(new Map(totals)) };
  const resolvers = createUsageResolvers({ usage: usage as unknown as ServedGateway['gateway']['usage'] });
  const endpoint = await openAdminEndpoint({
    schema: createAdminSchema(await loadTypeDefs(join('schema'), 'admin'), [resolvers]),
    identify: typeof who === 'function' ? who : identifyAs(who),
    logger,
  });
  close = () => endpoint.close();
  served = await serveGateway({ routes: [endpoint.route] });
}

async function ask(query: string, headers: Record<string, string> = { authorization: 'Bearer key' }) {
  const response = await fetch(`${served.url}/admin/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });
  return { status: response.status, json: await response.json() };
}

describe('the administration', () => {
  it('refuses who is nobody, and who is no administrator', async () => {
    await open(['reader']);
    expect(await ask('{ __typename }', {})).toMatchObject({
      status: 401,
      json: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] },
    });
    expect(await ask('{ __typename }')).toMatchObject({
      status: 403,
      json: { errors: [{ extensions: { code: 'FORBIDDEN' } }] },
    });
  });

  it('refuses who administers another workspace than the operator’s, by a token or a key', async () => {
    await open(identifyAs(['admin'], 'garden' as WorkspaceId));
    const refused = { status: 403, json: { errors: [{ extensions: { code: 'FORBIDDEN' } }] } };
    expect(await ask('{ usage { since } }')).toMatchObject(refused);
    await served.close();
    await close();

    const [operators, gardens] = ['the-key-of-the-operator-0', 'the-key-of-the-garden-000'];
    await open(createIdentify(parseApiKeys(`${operators},garden:${gardens}`)));
    const present = (key: string) => ask('{ usage { since } }', { authorization: `Bearer ${key}` });
    expect(await present(gardens)).toMatchObject(refused);
    expect(await present(operators)).toMatchObject({ status: 200, json: { data: { usage: {} } } });
  });

  it('refuses pages of other origins, and simple requests that a page could send unasked', async () => {
    await open(['admin']);
    expect(
      await ask('{ __typename }', { authorization: 'Bearer key', origin: 'https://evil.example' }),
    ).toMatchObject({ status: 403 });
    expect(
      await ask('{ __typename }', { authorization: 'Bearer key', 'content-type': 'text/plain' }),
    ).toMatchObject({ status: 400 });
  });

  it('pages through usage, most first, without a gap', async () => {
    await open(
      ['admin'],
      [
        ['A.x', 1],
        ['B', 5],
        ['A', 5],
        ['A.y', 1],
      ],
    );
    const page = (after?: string) =>
      ask(
        `{ usage(first: 3 ${after === undefined ? '' : `after: "${after}"`}) { since edges { node { coordinate uses } } pageInfo { endCursor hasNextPage hasPreviousPage } } }`,
      );
    const first = (await page()).json as { data: { usage: { pageInfo: { endCursor: string } } } };
    expect(first).toMatchObject({
      data: {
        usage: {
          since: since.toISOString(),
          edges: [
            ['A', 5],
            ['B', 5],
            ['A.x', 1],
          ].map(([coordinate, uses]) => ({ node: { coordinate, uses } })),
          pageInfo: { hasNextPage: true, hasPreviousPage: false },
        },
      },
    });
    expect((await page(first.data.usage.pageInfo.endCursor)).json).toMatchObject({
      data: {
        usage: { edges: [{ node: { coordinate: 'A.y', uses: 1 } }], pageInfo: { hasNextPage: false } },
      },
    });
    expect((await page('nonsense')).json).toMatchObject({
      errors: [{ extensions: { code: 'BAD_USER_INPUT' } }],
    });
    expect((await ask('{ usage(first: 1000) { since } }')).json).toMatchObject({
      errors: [{ extensions: { code: 'BAD_USER_INPUT' } }],
    });
  });

  it('names resolvers that its contract does not have', async () => {
    await open(['admin']);
    const typeDefs = await loadTypeDefs('schema', 'admin');
    expect(() => createAdminSchema(typeDefs, [{ Query: { nothing: () => 1 } }])).toThrow('no Query.nothing');
  });
});
