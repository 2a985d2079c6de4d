import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OperationTypeNode } from 'graphql';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import {
  createHttpTransport,
  type HttpTransportOptions,
} from '../../../gateway/transports/http-transport.js';
import type { Transport } from '../../../gateway/transports/transport.js';
import { serveForeignSubgraph, type ForeignSubgraph } from '../../support/foreign-subgraph.js';
import { findFreePort } from '../../support/free-port.js';
import { anyContext } from '../../support/test-gateway.js';
import { subgraphOperation } from '../../support/subgraph-operation.js';
import { waitFor } from '../../support/wait-for.js';

let subgraph: ForeignSubgraph;
const transports: Transport[] = [];

beforeEach(async () => {
  subgraph = await serveForeignSubgraph('shop', {
    typeDefs: 'type Query { hello(name: String): String fails: Int }',
    resolvers: {
      Query: {
        hello: (_parent: unknown, { name }: { name: string }) => `hello ${name}`,
        fails: () => {
          throw new Error('broken');
        },
      },
    },
  });
});

afterEach(async () => {
  await Promise.all(transports.splice(0).map((transport) => transport.close()));
  await subgraph.close();
});

function open(options: Partial<HttpTransportOptions> = {}): Transport {
  const transport = createHttpTransport({
    subgraph: 'shop',
    url: subgraph.url,
    timeoutMs: 2_000,
    connections: 4,
    maxResponseBytes: 10_000,
    headersFor: () => Promise.resolve({ authorization: 'Bearer token' }),
    ...options,
  });
  transports.push(transport);
  return transport;
}

function ask(
  transport: Transport,
  text = 'query ($n: String) { hello(name: $n) }',
  signal = new AbortController().signal,
) {
  const operation = subgraphOperation(text);
  return transport.execute({ operation, variables: { n: 'you' }, context: anyContext(), signal });
}

/** What the transport throws, in the terms of the client. */
async function failure(asking: Promise<unknown>): Promise<{ code: unknown; message: string }> {
  const error: unknown = await asking.then(
    (answer) => new Error(`answered ${JSON.stringify(answer)}`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof AegisError)) throw error;
  return { code: error.code, message: error.message };
}

const answer =
  (status: number, body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
  (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(status, headers).end(body);
  };

describe('a subgraph over HTTP', () => {
  it('is asked with the operation, its variables, the trace and who is asking', async () => {
    expect(await ask(open())).toEqual({ data: { hello: 'hello you' } });
    expect(subgraph.requests[0]?.headers).toMatchObject({
      authorization: 'Bearer token',
      'content-type': 'application/json',
      traceparent: expect.stringMatching(/^00-/),
    });
  });

  it('is asked once for equal queries at one time, and each reader gets an answer of its own', async () => {
    const transport = open();
    const [first, second] = await Promise.all([ask(transport), ask(transport)]);
    expect(first).toEqual({ data: { hello: 'hello you' } });
    expect(second).toEqual(first);
    expect(second.data).not.toBe(first.data);
    expect(subgraph.requests).toHaveLength(1);
    await ask(transport);
    expect(subgraph.requests).toHaveLength(2);
  });

  it('is asked for each identity, and for each mutation', async () => {
    let asked = 0;
    const transport = open({
      headersFor: () => Promise.resolve({ authorization: `Bearer ${(asked += 1)}` }),
    });
    await Promise.all([ask(transport), ask(transport)]);
    expect(subgraph.requests).toHaveLength(2);
    const text = 'query { hello }';
    const operation = subgraphOperation(text, { kind: OperationTypeNode.MUTATION });
    const request = { operation, variables: {}, context: anyContext(), signal: new AbortController().signal };
    const same = open({ headersFor: () => Promise.resolve({}) });
    await Promise.all([same.execute(request), same.execute(request)]);
    expect(subgraph.requests).toHaveLength(4);
  });

  it('is asked anew after a mutation, also where an equal query from before it is under way', async () => {
    const transport = open();
    let answerFirst: () => void = () => undefined;
    subgraph.fault = (_request, response) => {
      const end = (hello: string) => {
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ data: { hello } }));
      };
      if (subgraph.requests.length > 1) end('new');
      else
        answerFirst = () => {
          end('old');
        };
    };
    const before = ask(transport);
    await waitFor('it is asked', () => subgraph.requests.length === 1);
    const operation = subgraphOperation('mutation { hello }', { kind: OperationTypeNode.MUTATION });
    const { signal } = new AbortController();
    await transport.execute({ operation, variables: {}, context: anyContext(), signal });
    const after = ask(transport);
    // By the time that another one is answered, it has asked, or waits for the one from before.
    await ask(transport, '{ hello }');
    answerFirst();
    expect(await before).toEqual({ data: { hello: 'old' } });
    expect(await after).toEqual({ data: { hello: 'new' } });
  });

  it('is asked by the name of the operation where it has one', async () => {
    const transport = open();
    const text = 'query A { hello(name: "a") } query B { hello(name: "b") }';
    const operation = subgraphOperation(text, { name: 'B' });
    const request = { operation, variables: {}, context: anyContext(), signal: new AbortController().signal };
    expect(await transport.execute(request)).toEqual({ data: { hello: 'hello b' } });
  });

  it('hands on its errors as data', async () => {
    expect(await ask(open(), '{ fails }')).toMatchObject({
      data: { fails: null },
      errors: [{ message: 'broken', path: ['fails'] }],
    });
  });

  it.each([
    ['an HTML page', answer(502, '<html>Bad gateway</html>'), 'got HTTP 502 with an HTML page'],
    ['nothing', answer(204, ''), 'with an empty body'],
    ['half of its JSON', answer(200, '{"data": {"hello": "hel'), 'characters that are none'],
    ['a list', answer(200, '[{"data": {}}]'), 'characters that are none'],
    ['a text for data', answer(200, '{"data": "text"}'), 'characters that are none'],
    ['a list for data', answer(200, '{"data": []}'), 'characters that are none'],
    [
      'errors that are no list',
      answer(200, '{"data": {}, "errors": {"message": "x"}}'),
      'characters that are none',
    ],
    ['neither data nor errors', answer(200, '{"data": null}'), 'characters that are none'],
    ['no errors in a list of them', answer(200, '{"errors": []}'), 'characters that are none'],
    ['a redirection', answer(302, '', { location: 'http://127.0.0.1/' }), 'got HTTP 302'],
    [
      'more than is read',
      answer(200, JSON.stringify({ data: { hello: 'x'.repeat(20_000) } })),
      'answered with more than 10000 bytes',
    ],
  ])('that answers %s has failed', async (_what, fault, message) => {
    subgraph.fault = fault;
    expect(await failure(ask(open()))).toEqual({
      code: 'UPSTREAM_FAILED',
      message: expect.stringContaining(message),
    });
    subgraph.fault = undefined;
    expect(await ask(open())).toEqual({ data: { hello: 'hello you' } });
  });

  it.each([
    [
      'with a status that says it failed',
      500,
      '{"errors": [{"message": "m", "path": ["a", 0], "extensions": {"code": "X"}}]}',
      { data: undefined, errors: [{ message: 'm', path: ['a', 0], extensions: { code: 'X' } }] },
    ],
    [
      'with errors beside no data',
      200,
      '{"data": null, "errors": [{"message": "m"}]}',
      { data: null, errors: [{ message: 'm' }] },
    ],
    [
      'with errors of any form',
      200,
      '{"data": {"a": 1}, "errors": ["text", null, {"message": 5, "path": "a", "extensions": []}, {"path": [{}]}]}',
      {
        data: { a: 1 },
        errors: Array.from({ length: 4 }, () => ({ message: 'an error without a message.' })),
      },
    ],
    ['with an empty list of errors', 200, '{"data": {"a": 1}, "errors": []}', { data: { a: 1 } }],
  ])('is believed %s', async (_what, status, body, expected) => {
    subgraph.fault = answer(status, body);
    expect(await ask(open())).toEqual(expected);
  });

  it('that says nothing in time has timed out, before its answer and within it', async () => {
    subgraph.fault = () => undefined;
    expect(await failure(ask(open({ timeoutMs: 100 })))).toEqual({
      code: 'UPSTREAM_TIMEOUT',
      message: 'subgraph shop did not answer within 100 ms.',
    });
    subgraph.fault = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"data": ');
    };
    expect(await failure(ask(open({ timeoutMs: 100 })))).toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
  });

  it('that is not there has failed', async () => {
    const port = await findFreePort();
    expect(await failure(ask(open({ url: `http://127.0.0.1:${port}/graphql` })))).toEqual({
      code: 'UPSTREAM_FAILED',
      message: 'subgraph shop could not be reached (ECONNREFUSED).',
    });
  });

  it('that hangs up has failed', async () => {
    subgraph.fault = (request) => request.socket.destroy();
    expect(await failure(ask(open()))).toMatchObject({ code: 'UPSTREAM_FAILED' });
  });

  it('is hung up on when the client leaves', async () => {
    subgraph.fault = () => undefined;
    const left = new AbortController();
    const asking = failure(ask(open(), '{ hello }', left.signal));
    await waitFor('the request has arrived', () => subgraph.requests.length === 1);
    left.abort();
    expect(await asking).toMatchObject({ code: 'CANCELLED' });
    await waitFor('the subgraph has noticed', () => subgraph.requests[0]?.aborted);
  });

  it('fails with the reason of the one who gave up', async () => {
    subgraph.fault = () => undefined;
    const deadline = new AbortController();
    const asking = failure(ask(open(), '{ hello }', deadline.signal));
    await waitFor('the request has arrived', () => subgraph.requests.length === 1);
    deadline.abort(new AegisError('UPSTREAM_TIMEOUT', 'too late'));
    expect(await asking).toEqual({ code: 'UPSTREAM_TIMEOUT', message: 'too late' });
  });

  it('is healthy when it answers, also that it wants to know who asks', async () => {
    const { signal } = new AbortController();
    expect(await open().health(signal)).toEqual({ state: 'UP' });
    subgraph.fault = answer(401, 'who are you?');
    const anonymous = open({ headersFor: () => Promise.resolve({}) });
    expect(await anonymous.health(signal)).toEqual({ state: 'UP' });
    expect(await open().health(signal)).toMatchObject({
      state: 'DOWN',
      reason: 'subgraph shop refuses who the gateway says it is.',
    });
    subgraph.fault = answer(500, '<html>');
    expect(await open().health(signal)).toMatchObject({
      state: 'DOWN',
      reason: expect.stringContaining('HTTP 500'),
    });
  });

  it.each(['', '/graphql', 'ftp://host/graphql', 'not a url'])('has an address, and %j is none', (url) => {
    expect(() => open({ url })).toThrow(
      'subgraph shop: expected an address such as http://host:4001/graphql',
    );
  });

  it('has no user and no password in its address, and nobody is told which they were', () => {
    const refused = () => open({ url: 'http://anna:s3cret@host/graphql?token=hunter2' });
    expect(refused).toThrow('expected an address without a user and a password');
    expect(refused).not.toThrow(/s3cret|hunter2/);
  });
});
