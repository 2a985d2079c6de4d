import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { auditServer } from 'graphql-http';
import { MAX_BODY_BYTES, send, serveGateway, type ServedGateway } from '../../support/gateway-server.js';
import { waitFor } from '../../support/wait-for.js';

let served: ServedGateway;

beforeAll(async () => {
  served = await serveGateway();
});
afterAll(async () => {
  await served.close();
});

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const TRACE = { traceparent: TRACEPARENT };
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

describe('GraphQL over HTTP', () => {
  it('passes the audit of the specification', async () => {
    const results = await auditServer({ url: `${served.url}/graphql`, fetchFn: fetch });
    const count = (status: string) => results.filter((result) => result.status === status);
    const { length: passed } = count('ok');
    const warned = count('warn').map(({ id }) => id);
    const failed = count('error').map(({ id, name }) => `${id} ${name}`);
    process.stdout.write(
      `graphql-http audit: ${passed} passed, ${warned.length} warnings, ${failed.length} errors\n`,
    );
    expect(failed).toEqual([]);
    // Apollo Server answers 400 to what cannot be parsed, validated or coerced, also to clients of application/json.
    expect({ passed, warned }).toEqual({ passed: 55, warned: ['572B', 'FDE2', '7B9B'] });
  });

  it('answers queries and mutations across subgraphs', async () => {
    expect((await served.post({ query: '{ product(id: "2") { name units } }' })).json).toEqual({
      data: { product: { name: 'product 2', units: 20 } },
    });
    const variables = { id: '3' };
    const query = 'mutation Sell($id: ID!) { sell(id: $id) { units } } query Other { hello }';
    expect((await served.post({ query, variables, operationName: 'Sell' })).json).toEqual({
      data: { sell: { units: 30 } },
    });
  });

  it('answers queries by GET, and changes nothing by it', async () => {
    const safe = { 'apollo-require-preflight': '1' };
    const path = (query: string) => `/graphql?query=${encodeURIComponent(query)}`;
    expect((await served.get(path('{ hello }'), safe)).json).toEqual({ data: { hello: 'hello you' } });
    const before = served.inside.mutations;
    const refused = await served.get(path('mutation { sell(id: "1") { id } }'), safe);
    expect([refused.status, refused.headers.get('allow'), refused.json.errors[0].extensions.code]).toEqual([
      405,
      'POST',
      'BAD_REQUEST',
    ]);
    expect(served.inside.mutations).toBe(before);
  });

  it('continues the trace of the request, in subgraphs, errors and the log', async () => {
    expect((await served.post({ query: '{ whoAsks }' }, TRACE)).json).toEqual({
      data: { whoAsks: `anybody ${TRACE_ID}` },
    });
    const { json } = await served.post({ query: '{ fails strict }' }, TRACE);
    const told = { extensions: { traceId: TRACE_ID } };
    expect(json.errors).toMatchObject([told, told]);
    expect(served.log.filter((line) => line.includes('a secret') && line.includes(TRACE_ID))).toHaveLength(1);
  });

  it('tells errors raised on purpose, and masks the others', async () => {
    const { status, json, text } = await served.post({ query: '{ fails }' }, TRACE);
    expect(status).toBe(200);
    expect(json).toEqual({
      data: { fails: null },
      errors: [
        {
          message: `The server failed in a way it did not foresee. Its log has the reason under trace id ${TRACE_ID}.`,
          path: ['fails'],
          extensions: {
            code: 'INTERNAL_SERVER_ERROR',
            retryable: false,
            traceId: TRACE_ID,
            subgraph: 'shop',
          },
        },
      ],
    });
    expect(text).not.toMatch(/a secret|stack/);
    expect((await served.post({ query: '{ strict }' }, TRACE)).json).toEqual({
      data: null,
      errors: [
        {
          message: 'not now',
          path: ['strict'],
          extensions: {
            code: 'CONFLICT',
            retryable: false,
            retryAfterMs: 5,
            traceId: TRACE_ID,
            subgraph: 'shop',
          },
        },
      ],
    });
  });

  it('answers introspection', async () => {
    const { json } = await served.post({
      query: '{ __schema { subscriptionType { name } } __type(name: "Product") { fields { name } } }',
    });
    expect(json.data).toEqual({
      __schema: { subscriptionType: { name: 'Subscription' } },
      __type: { fields: [{ name: 'id' }, { name: 'name' }, { name: 'units' }] },
    });
  });

  it('cancels what a client asked for when it hangs up', async () => {
    const { waiting } = served.inside;
    const hangUp = new AbortController();
    const asking = fetch(`${served.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ slow }"}',
      signal: hangUp.signal,
    }).catch(() => 'hung up');
    await waitFor('the resolver waits', () => served.inside.waiting > waiting);
    hangUp.abort();
    expect(await asking).toBe('hung up');
    await waitFor('it has been cancelled', async () => {
      const { values } = await served.gateway.metrics.operations.get();
      return values.some(({ labels, value }) => labels.outcome === 'failed' && value > 0);
    });
  });
});

describe('a request that cannot be taken', () => {
  const tooDeep = `{ deep ${'{ a '.repeat(4_000)}{ b }${' }'.repeat(4_000)} }`;
  const tooLong = `{ ${'a: hello '.repeat(6_000)} }`;
  it.each<[string, unknown, number, string]>([
    ['no JSON', '{"query": ', 400, 'BAD_USER_INPUT'],
    ['an empty body', '', 400, 'BAD_USER_INPUT'],
    [
      'JSON that would change the prototype',
      '{"query":"{ hello }","__proto__":{"a":1}}',
      400,
      'BAD_USER_INPUT',
    ],
    ['a text', '"{ hello }"', 400, 'BAD_REQUEST'],
    ['a list', [{ query: '{ hello }' }], 400, 'BAD_USER_INPUT'],
    ['no query', { nothing: 1 }, 400, 'BAD_REQUEST'],
    ['a query that is no text', { query: 5 }, 400, 'BAD_REQUEST'],
    ['variables that are none', { query: '{ hello }', variables: 'text' }, 400, 'BAD_REQUEST'],
    ['a syntax error', { query: '{ hello(' }, 400, 'GRAPHQL_PARSE_FAILED'],
    ['an unknown field', { query: '{ nothing }' }, 400, 'GRAPHQL_VALIDATION_FAILED'],
    ['an unknown argument', { query: '{ hello(nom: "x") }' }, 400, 'GRAPHQL_VALIDATION_FAILED'],
    [
      'an unknown operation',
      { query: 'query A { hello }', operationName: 'B' },
      400,
      'OPERATION_RESOLUTION_FAILURE',
    ],
    [
      'no one of two operations',
      { query: 'query A { hello } query B { hello }' },
      400,
      'OPERATION_RESOLUTION_FAILURE',
    ],
    [
      'a variable of another type',
      { query: 'query ($n: String) { hello(name: $n) }', variables: { n: {} } },
      400,
      'BAD_USER_INPUT',
    ],
    ['a variable too few', { query: 'query ($n: ID!) { product(id: $n) { id } }' }, 400, 'BAD_USER_INPUT'],
    [
      'an undecided condition',
      { query: 'query ($n: Boolean = true) { hello @skip(if: $n) }', variables: { n: null } },
      400,
      'BAD_USER_INPUT',
    ],
    ['a subscription', { query: 'subscription { sold { id } }' }, 400, 'BAD_USER_INPUT'],
    ['too many tokens', { query: tooLong }, 400, 'OPERATION_TOO_COSTLY'],
    ['a document without an end', { query: tooDeep.slice(0, 20_000) }, 400, 'GRAPHQL_PARSE_FAILED'],
    [
      'a persisted query that is not there',
      { extensions: { persistedQuery: { version: 1, sha256Hash: 'x' } } },
      200,
      'PERSISTED_QUERY_NOT_FOUND',
    ],
  ])('is answered with a code, and the server goes on: %s', async (_what, body, status, code) => {
    const { json, status: answered } = await served.post(body);
    expect({ status: answered, data: json.data, code: json.errors[0].extensions.code }).toEqual({
      status,
      data: undefined,
      code,
    });
    expect(json.errors[0].extensions).toMatchObject({
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
      retryable: false,
    });
    expect((await served.post({ query: '{ hello }' })).status).toBe(200);
  });

  it('is answered when its selections go deeper than the server can follow', async () => {
    const { json } = await served.post({ query: tooDeep });
    expect(json.errors[0].extensions.code).toMatch(
      /^(INTERNAL_SERVER_ERROR|GRAPHQL_PARSE_FAILED|BAD_USER_INPUT)$/,
    );
    expect((await served.post({ query: '{ hello }' })).status).toBe(200);
  });

  it('is answered when its body is too large, ten megabytes of it', async () => {
    const body = JSON.stringify({ query: `{ hello(name: "${'x'.repeat(10_485_760)}") }` });
    const { status, json } = await served.post(body);
    expect([status, json.errors[0].extensions.code]).toEqual([413, 'PAYLOAD_TOO_LARGE']);
    const within = JSON.stringify({ query: `{ hello(name: "${'x'.repeat(MAX_BODY_BYTES / 2)}") }` });
    expect((await served.post(within)).status).toBe(200);
  });

  it.each([
    ['text/plain', 400, 'BAD_REQUEST'],
    ['application/x-www-form-urlencoded', 400, 'BAD_USER_INPUT'],
    ['multipart/form-data; boundary=x', 400, 'BAD_USER_INPUT'],
    ['application/xml', 400, 'BAD_USER_INPUT'],
  ])('could come from a form of any page: %s', async (type, status, code) => {
    const { mutations } = served.inside;
    const answer = await served.post('{"query":"mutation { sell(id: 1) { id } }"}', { 'content-type': type });
    expect([answer.status, answer.json.errors[0].extensions.code]).toEqual([status, code]);
    expect(served.inside.mutations).toBe(mutations);
  });

  it('could come from an image of any page: GET without a header that a page cannot set', async () => {
    const { status, json } = await served.get('/graphql?query={hello}');
    expect([status, json.errors[0].extensions.code]).toEqual([400, 'BAD_REQUEST']);
  });

  it('has another method', async () => {
    for (const method of ['PUT', 'DELETE']) {
      const { status, json, headers } = await send(`${served.url}/graphql`, method, {});
      expect([status, json.errors[0].extensions.code]).toEqual([405, 'BAD_USER_INPUT']);
      expect(headers.get('allow')).toBe('GET, POST');
    }
  });

  it.each(['{"query":"{ hello }","variables":{"__proto__":{}}}', '{"query":'])(
    'has a body that is not taken, and is told why: %s',
    async (body) => {
      const { status, json } = await served.post(body);
      expect([status, json.errors[0].extensions.code]).toEqual([400, 'BAD_USER_INPUT']);
      expect(json.errors[0].message).toContain('a body of JSON in which no key is __proto__');
    },
  );

  it('goes nowhere', async () => {
    const { status, json } = await served.get('/nowhere');
    expect([status, json.errors[0].extensions.code]).toEqual([404, 'NOT_FOUND']);
  });
});

describe('an operation that cannot be executed', () => {
  it('is answered with a status that says so, and nothing of the reason', async () => {
    const own = await serveGateway();
    const { current } = own.gateway;
    Object.assign(current, {
      prepare: () => {
        throw new TypeError('a secret of the planner');
      },
    });
    const { status, text, json } = await own.post({ query: '{ hello }' });
    expect([status, json.errors[0].extensions.code]).toEqual([500, 'INTERNAL_SERVER_ERROR']);
    expect(text).not.toContain('secret');
    expect(own.log.filter((line) => line.includes('a secret of the planner'))).toHaveLength(1);
    await own.close();
  });

  it('is answered with the status of its code when the gateway is stopping', async () => {
    const own = await serveGateway();
    await own.gateway.close();
    const { status, json } = await own.post({ query: '{ hello }' });
    expect([status, json.errors[0].extensions]).toEqual([
      503,
      expect.objectContaining({ code: 'UNAVAILABLE', retryable: true }),
    ]);
    await own.close();
  });
});
