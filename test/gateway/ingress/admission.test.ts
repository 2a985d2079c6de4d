import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { getIntrospectionQuery, graphqlSync } from 'graphql';
import { readTrustedDocuments } from '../../../gateway/access/trusted-documents.js';
import { askEveryWay, byEveryWay, type Asked } from '../../support/every-way.js';
import { serveGateway, type ServeGatewayOptions, type ServedGateway } from '../../support/gateway-server.js';

const open: ServedGateway[] = [];

afterEach(async () => {
  for (const served of open.splice(0)) await served.close();
});

async function serve(options: ServeGatewayOptions = {}): Promise<ServedGateway> {
  const served = await serveGateway(options);
  open.push(served);
  return served;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const persisted = (sha256Hash: string, query?: string): Asked => ({
  ...(query === undefined ? {} : { query }),
  extensions: { persistedQuery: { version: 1, sha256Hash } },
});
const HELLO = '{ hello }';
const HELLO_DATA = { data: { hello: 'hello you' } };

const TRUSTED = readTrustedDocuments(
  JSON.stringify({
    format: 'apollo-persisted-query-manifest',
    version: 1,
    operations: [
      { id: 'greet', name: 'Greet', type: 'query', body: 'query Greet { hello }' },
      { id: 'sold', name: 'Sold', type: 'subscription', body: 'subscription Sold { refused }' },
    ],
  }),
);

describe('automatic persisted queries', () => {
  it('are kept once for all ways, and asked for by the hash alone', async () => {
    const served = await serve();
    const hash = sha256(HELLO);
    expect(await askEveryWay(served, persisted(hash))).toEqual(
      byEveryWay({ codes: ['PERSISTED_QUERY_NOT_FOUND'] }),
    );
    expect((await served.post(persisted(hash, HELLO))).json).toEqual(HELLO_DATA);
    expect(await askEveryWay(served, persisted(hash))).toEqual(byEveryWay(HELLO_DATA));
  });

  it('are not kept when they are wrong', async () => {
    const served = await serve();
    const wrong = '{ nothing }';
    expect(await askEveryWay(served, persisted(sha256(HELLO), wrong))).toEqual(
      byEveryWay({ codes: ['BAD_USER_INPUT'] }),
    );
    await served.post(persisted(sha256(wrong), wrong));
    const { json, status, headers } = await served.post(persisted(sha256(wrong)));
    expect([status, json.errors[0].message, headers.get('cache-control')]).toEqual([
      200,
      'PersistedQueryNotFound',
      'private, no-cache, must-revalidate',
    ]);
  });

  it('can be switched off', async () => {
    const served = await serve({ persistedQueries: false });
    const refused = byEveryWay({ codes: ['PERSISTED_QUERY_NOT_SUPPORTED'] });
    expect(await askEveryWay(served, persisted(sha256(HELLO)))).toEqual(refused);
    expect(await askEveryWay(served, persisted(sha256(HELLO), HELLO))).toEqual(refused);
  });
});

describe('trusted documents', () => {
  it.each<[string, Asked]>([
    ['documentId', { documentId: 'greet' }],
    ['hash', persisted('greet')],
    ['text', { query: 'query Greet { hello }' }],
  ])('run by their %s where nothing else does', async (_what, asked) => {
    const served = await serve({ trustedDocuments: TRUSTED, trustedDocumentsMode: 'strict' });
    expect(await askEveryWay(served, asked)).toEqual(byEveryWay(HELLO_DATA));
  });

  it('are the only ones that run in strict mode, by every way and in batches', async () => {
    const served = await serve({ trustedDocuments: TRUSTED, trustedDocumentsMode: 'strict', maxBatch: 2 });
    const forbidden = byEveryWay({ codes: ['FORBIDDEN'] });
    expect(await askEveryWay(served, { query: HELLO })).toEqual(forbidden);
    expect(await askEveryWay(served, persisted(sha256(HELLO), HELLO))).toEqual(forbidden);
    const unknown = byEveryWay({ codes: ['PERSISTED_QUERY_NOT_FOUND'] });
    expect(await askEveryWay(served, persisted(sha256(HELLO)))).toEqual(unknown);
    expect(await askEveryWay(served, { documentId: 'other' })).toEqual(unknown);
    const { json } = await served.post([{ documentId: 'greet' }, { query: HELLO }]);
    expect(json).toMatchObject([
      HELLO_DATA,
      { errors: [{ extensions: { code: 'FORBIDDEN', reason: 'NOT_TRUSTED' } }] },
    ]);
    expect((await served.post({ query: HELLO })).status).toBe(403);
  });

  it('run beside others in allow mode, subscriptions too', async () => {
    const served = await serve({ trustedDocuments: TRUSTED });
    expect(await askEveryWay(served, { documentId: 'greet' })).toEqual(byEveryWay(HELLO_DATA));
    expect(await askEveryWay(served, { query: HELLO })).toEqual(byEveryWay(HELLO_DATA));
    const { webSocket, sse } = await askEveryWay(served, { documentId: 'sold' });
    expect([webSocket, sse]).toEqual([{ codes: ['FORBIDDEN'] }, { codes: ['FORBIDDEN'] }]);
  });
});

describe('introspection', () => {
  const SCHEMA = { query: '{ __type(name: "Product") { name } }' };
  const NAMES = { query: '{ __typename }' };

  it('is refused by every way when it is off, and suggests no names', async () => {
    const served = await serve({ introspection: 'off' });
    expect(await askEveryWay(served, SCHEMA)).toEqual(byEveryWay({ codes: ['FORBIDDEN'] }));
    expect(await askEveryWay(served, NAMES)).toEqual(byEveryWay({ data: { __typename: 'Query' } }));
    const { text } = await served.post({ query: '{ helo }' });
    expect(text).toContain('Cannot query field');
    const variable = await served.post({
      query: 'query ($i: Mood) { greet(mood: $i) }',
      variables: { i: 'GODO' },
    });
    expect(variable.text).toContain('does not exist in');
    expect(text + variable.text).not.toContain('Did you mean');
  });

  it('is for administrators alone when it says so', async () => {
    const guest = { subject: 'guest', workspace: 'default', roles: [] as string[] } as never;
    const admin = { subject: 'admin', workspace: 'default', roles: ['admin'] } as never;
    const served = await serve({
      introspection: 'admin',
      identify: ({ token }) => (token === 'admin' ? admin : guest),
      open: false,
    });
    expect(await askEveryWay(served, SCHEMA)).toEqual(byEveryWay({ codes: ['FORBIDDEN'] }));
    expect(await askEveryWay(served, SCHEMA, 'admin')).toEqual(
      byEveryWay({ data: { __type: { name: 'Product' } } }),
    );
  });

  it('of tools passes the limits', async () => {
    const served = await serve();
    const query = getIntrospectionQuery({ inputValueDeprecation: true, specifiedByUrl: true });
    expect((await served.post({ query })).json.errors).toBeUndefined();
  });

  const OPTIONS = [
    'descriptions',
    'specifiedByUrl',
    'directiveIsRepeatable',
    'schemaDescription',
    'inputValueDeprecation',
    'oneOf',
  ];
  const everyOption = (given: boolean) => Object.fromEntries(OPTIONS.map((option) => [option, given]));

  it.each<[string, Record<string, boolean>]>([
    ['no option', everyOption(false)],
    ...OPTIONS.map((option): [string, Record<string, boolean>] => [
      option,
      { ...everyOption(false), [option]: true },
    ]),
    ['all options', everyOption(true)],
  ])('is answered as tools ask for it: with %s', async (_which, options) => {
    const served = await serve();
    const schema = served.gateway.current.snapshot.apiSchema;
    const query = getIntrospectionQuery(options);
    const expected: unknown = JSON.parse(JSON.stringify(graphqlSync({ schema, source: query })));
    expect((await served.post({ query })).json).toEqual(expected);
  });

  it('is answered beside data, with fragments that both use', async () => {
    const served = await serve();
    const query = `
      { ...Name __schema { ...Types } again: __type(name: "Mood") { ...Kind } }
      fragment Name on Query { hello __type(name: "Product") { ...Kind } }
      fragment Types on __Schema { queryType { ...Kind } }
      fragment Kind on __Type { kind isOneOf }`;
    const object = { kind: 'OBJECT', isOneOf: null };
    expect((await served.post({ query })).json).toEqual({
      data: {
        hello: 'hello you',
        __type: object,
        __schema: { queryType: object },
        again: { kind: 'ENUM', isOneOf: null },
      },
    });
  });
});

describe('limits', () => {
  const LIMITS = { maxAliases: 1, maxListSize: 5, maxCost: 3, maxTokens: 100 };
  const DEEP = 'query ($n: Int) { list(first: $n) { id } }';

  it.each<[string, Asked]>([
    ['aliases', { query: '{ a: hello b: hello }' }],
    ['listSize', { query: DEEP, variables: { n: 6 } }],
    ['cost', { query: '{ product(id: "1") { id } list { id } }' }],
    ['tokens', { query: `{ hello ${'hello '.repeat(100)} }` }],
  ])('of %s hold by every way', async (limit, asked) => {
    const served = await serve({ limits: LIMITS });
    expect(await askEveryWay(served, asked)).toEqual(byEveryWay({ codes: ['OPERATION_TOO_COSTLY'] }));
    const { status, json } = await served.post(asked);
    expect([status, json.errors[0].extensions]).toMatchObject([
      400,
      { limit, expected: expect.any(Number), got: expect.any(Number) },
    ]);
  });

  it('hold for subscriptions, before the subgraph is asked', async () => {
    const served = await serve({ limits: LIMITS });
    const { webSocket, sse } = await askEveryWay(served, { query: 'subscription { a: sold { b: id } }' });
    const refused = { codes: ['OPERATION_TOO_COSTLY'] };
    expect([webSocket, sse]).toEqual([refused, refused]);
  });

  it('let through what is within them, and its cost shows in the metrics', async () => {
    const served = await serve({ limits: LIMITS });
    const { json } = await served.post({ query: '{ product(id: "1") { id } }' });
    expect(json.errors).toBeUndefined();
    const { text } = await served.get('/metrics');
    expect(text).toContain('aegis_gateway_operation_cost_count{kind="query"} 1');
  });
});

describe('batches', () => {
  it('are taken up to their number, each operation for itself', async () => {
    const served = await serve({ maxBatch: 2 });
    const { json } = await served.post([{ query: HELLO }, { query: '{ nothing }' }]);
    expect(json).toMatchObject([
      HELLO_DATA,
      { errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] },
    ]);
    const tooMany = await served.post([{ query: HELLO }, { query: HELLO }, { query: HELLO }]);
    expect([tooMany.status, tooMany.json.errors[0].extensions]).toMatchObject([
      400,
      { code: 'OPERATION_TOO_COSTLY', limit: 'batch', expected: 2, got: 3 },
    ]);
    const none = await served.post([]);
    expect([none.status, none.json.errors[0].extensions.code]).toEqual([400, 'BAD_USER_INPUT']);
  });

  it('may ask for trusted documents by their ids, and for parts, which then come with the rest', async () => {
    const served = await serve({ trustedDocuments: TRUSTED, maxBatch: 2 });
    const query = '{ product(id: "2") { id ... @defer { units } } }';
    const accept = 'multipart/mixed; deferSpec=20220824, application/json';
    const { status, json } = await served.post([{ documentId: 'greet' }, { query }], { accept });
    expect([status, json]).toEqual([200, [HELLO_DATA, { data: { product: { id: '2', units: 20 } } }]]);
  });

  it('are refused without the setting', async () => {
    const served = await serve();
    const { status, json } = await served.post([{ query: HELLO }]);
    expect([status, json.errors[0].extensions.code]).toEqual([400, 'BAD_USER_INPUT']);
  });
});
