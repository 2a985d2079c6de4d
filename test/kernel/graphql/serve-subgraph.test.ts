import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  METRICS_KEY,
  serveSmallSubgraph,
  TOKEN,
  TRACEPARENT,
  type ServedSubgraph,
} from '../../support/small-subgraph.js';

let served: ServedSubgraph;

beforeEach(async () => {
  served = await serveSmallSubgraph();
});
afterEach(async () => {
  await served.close();
});

describe('a subgraph over HTTP', () => {
  it('answers queries and mutations', async () => {
    expect(await served.post({ query: '{ hello(name: "you") }' })).toEqual({
      status: 200,
      json: { data: { hello: 'hello you' } },
    });
    const { json } = await served.post({
      query: 'mutation($v: Int!) { remember(value: $v) }',
      variables: { v: 7 },
    });
    expect(json).toEqual({ data: { remember: 7 } });
    expect(served.state.remembered).toBe(7);
  });

  it('answers a query by GET to a client that cannot be a form, and mutates nothing by it', async () => {
    const get = (query: string, headers: Record<string, string>) =>
      fetch(`${served.server.url}/graphql?query=${encodeURIComponent(query)}`, {
        headers: { authorization: `Bearer ${TOKEN}`, ...headers },
      });
    const safe = { 'apollo-require-preflight': '1' };
    expect(await (await get('{ hello(name: "you") }', safe)).json()).toEqual({
      data: { hello: 'hello you' },
    });
    expect((await get('{ hello(name: "you") }', {})).status).toBe(400);
    expect((await get('mutation { remember(value: 1) }', safe)).status).toBe(405);
    expect(served.state.remembered).toBe(0);
  });

  it('tells the federation its schema, and IDEs too', async () => {
    const { json } = await served.post({ query: '{ _service { sdl } __schema { queryType { name } } }' });
    expect(json.data._service.sdl).toMatch(/type Count/);
    expect(json.data.__schema).toEqual({ queryType: { name: 'Query' } });
  });

  it('hands principal and trace to the resolvers', async () => {
    const { json } = await served.post({ query: '{ whoAsks }' }, { traceparent: TRACEPARENT });
    expect(json).toEqual({ data: { whoAsks: 'anna 0af7651916cd43dd8448eb211c80319c' } });
  });

  it('makes a context of its own for each request', async () => {
    await Promise.all([served.post({ query: '{ whoAsks }' }), served.post({ query: '{ whoAsks }' })]);
    expect(served.state.contexts).toBe(2);
  });

  it.each([
    ['no token', ''],
    ['another token', 'Bearer wrong'],
  ])('lets nobody in with %s', async (_what, authorization) => {
    const { status, json } = await served.post({ query: '{ hello(name: "you") }' }, { authorization });
    expect({ status, json }).toEqual({
      status: 401,
      json: {
        errors: [
          {
            message: expect.stringContaining('Authorization: Bearer'),
            extensions: { code: 'UNAUTHENTICATED', retryable: false, traceId: expect.any(String) },
          },
        ],
      },
    });
  });

  it('answers what fails by surprise with a trace id and nothing of its reason', async () => {
    const { status, json } = await served.post({ query: '{ fails }' }, { traceparent: TRACEPARENT });
    expect(status).toBe(200);
    expect(json).toEqual({
      data: { fails: null },
      errors: [
        {
          message: expect.stringContaining('0af7651916cd43dd8448eb211c80319c'),
          path: ['fails'],
          locations: [{ line: 1, column: 3 }],
          extensions: {
            code: 'INTERNAL_SERVER_ERROR',
            retryable: false,
            traceId: '0af7651916cd43dd8448eb211c80319c',
          },
        },
      ],
    });
    expect(JSON.stringify(json)).not.toMatch(/swordfish|stack|serve-subgraph/);
  });

  it('answers what is refused on purpose with its reason', async () => {
    const { json } = await served.post({ query: '{ refuses }' });
    expect(json.errors).toMatchObject([
      {
        message: 'expected another one.',
        extensions: { code: 'CONFLICT', retryable: false, retryAfterMs: 5 },
      },
    ]);
  });

  const DEEP = `{ ${'a { '.repeat(9_000)}${'} '.repeat(9_000)}}`;
  it.each([
    ['broken JSON', '{"query": ', 400, 'BAD_USER_INPUT'],
    ['an empty body', '', 400, 'BAD_USER_INPUT'],
    ['no query', { nothing: 1 }, 400, 'BAD_REQUEST'],
    ['a list', [{ query: '{ hello(name: "you") }' }], 400, 'BAD_REQUEST'],
    ['a syntax error', { query: '{ hello(' }, 400, 'GRAPHQL_PARSE_FAILED'],
    ['an unknown field', { query: '{ nothing }' }, 400, 'GRAPHQL_VALIDATION_FAILED'],
    ['an unknown argument', { query: '{ hello(nom: "you") }' }, 400, 'GRAPHQL_VALIDATION_FAILED'],
    [
      'a variable of another type',
      { query: 'query($n: String!) { hello(name: $n) }', variables: { n: 5 } },
      400,
      'BAD_USER_INPUT',
    ],
    [
      'an instant that is none',
      { query: '{ hello(name: "x", at: "1970") }' },
      400,
      'GRAPHQL_VALIDATION_FAILED',
    ],
    [
      'an instant that is none, as a variable',
      { query: 'query($t: DateTime) { hello(name: "x", at: $t) }', variables: { t: '1970' } },
      400,
      'BAD_USER_INPUT',
    ],
    [
      'two operations and no name',
      { query: 'query a { whoAsks } query b { whoAsks }' },
      400,
      'OPERATION_RESOLUTION_FAILURE',
    ],
    ['a document without an end', { query: DEEP.slice(0, 45_000) }, 400, 'GRAPHQL_PARSE_FAILED'],
    ['too large a body', { query: `{ hello(name: "${'x'.repeat(60_000)}") }` }, 413, 'PAYLOAD_TOO_LARGE'],
  ])('answers %s with a code, and goes on', async (_what, body, status, code) => {
    const answer = await served.post(body);
    const [first] = answer.json.errors;
    expect({ status: answer.status, extensions: first.extensions }).toMatchObject({
      status,
      extensions: { code, traceId: expect.stringMatching(/^[0-9a-f]{32}$/) },
    });
    expect((await served.post({ query: '{ hello(name: "you") }' })).status).toBe(200);
  });

  it('answers a form, which a foreign page could send, with a code', async () => {
    const { status, json } = await served.post('query=x', { 'content-type': 'text/plain' });
    expect({ status, code: json.errors[0].extensions.code }).toEqual({ status: 400, code: 'BAD_REQUEST' });
  });

  it('answers a subscription with the way to where they are served', async () => {
    const { status, json } = await served.post({ query: 'subscription { count(to: 1) { value } }' });
    expect(status).toBe(400);
    expect(json).toMatchObject({
      errors: [{ message: expect.stringContaining('WebSocket'), extensions: { code: 'BAD_USER_INPUT' } }],
    });
    expect(JSON.stringify(json)).not.toContain('"http"');
  });
});

describe('the other routes of a subgraph', () => {
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(served.server.url + path, { headers });
    return { status: response.status, text: await response.text() };
  };

  it('tell of its health', async () => {
    expect(await get('/health/live')).toEqual({ status: 200, text: '{"state":"UP"}' });
    expect(await get('/health/ready')).toEqual({ status: 200, text: '{"state":"UP"}' });
    served.state.health = { state: 'DOWN', reason: 'no database' };
    expect(await get('/health/ready')).toEqual({
      status: 503,
      text: '{"state":"DOWN","reason":"no database"}',
    });
    expect((await get('/health/live')).status).toBe(200);
  });

  it('give its metrics', async () => {
    await served.post({ query: '{ fails }' });
    expect((await get('/metrics')).status).toBe(401);
    const { text } = await get('/metrics', { authorization: `Bearer ${METRICS_KEY}` });
    expect(text).toMatch(/aegis_subgraph_operation_seconds_count\{operation="query",outcome="errors"\} 1/);
    expect(text).toMatch(/process_resident_memory_bytes/);
  });

  it('are its own where it has some, and otherwise not there', async () => {
    expect(await get('/own')).toEqual({ status: 200, text: '{"own":true}' });
    const { status, text } = await get('/nothing?secret=1');
    expect({ status, code: JSON.parse(text).errors[0].extensions.code }).toEqual({
      status: 404,
      code: 'NOT_FOUND',
    });
  });
});
