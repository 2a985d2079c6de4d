import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OperationTypeNode, parse } from 'graphql';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { createHttpTransport } from '../../../gateway/transports/http-transport.js';
import { createRetryBudget } from '../../../gateway/transports/retry-budget.js';
import type { RetryOptions } from '../../../gateway/transports/retry-queries.js';
import type { Transport } from '../../../gateway/transports/transport.js';
import { serveForeignSubgraph, type ForeignSubgraph } from '../../support/foreign-subgraph.js';
import { findFreePort } from '../../support/free-port.js';
import { anyContext } from '../../support/test-gateway.js';
import { waitFor } from '../../support/wait-for.js';

type Fault = (request: IncomingMessage, response: ServerResponse) => void;

let subgraph: ForeignSubgraph;
const transports: Transport[] = [];
let told = 0;

beforeEach(async () => {
  told = 0;
  subgraph = await serveForeignSubgraph('shop', {
    typeDefs: 'type Query { hello: String fails: Int } type Mutation { hello: String }',
    resolvers: {
      Query: {
        hello: () => 'hello',
        fails: () => {
          throw new Error('broken');
        },
      },
      Mutation: { hello: () => 'done' },
    },
  });
});
afterEach(async () => {
  await Promise.all(transports.splice(0).map((transport) => transport.close()));
  await subgraph.close();
});

function open(options: Partial<RetryOptions> = {}, url = subgraph.url): Transport {
  const transport = createHttpTransport({
    subgraph: 'shop',
    url,
    timeoutMs: 1_000,
    connections: 4,
    maxResponseBytes: 10_000,
    headersFor: () => Promise.resolve({}),
    retry: {
      retries: 2,
      budget: createRetryBudget({ percent: 20, now: () => 0 }),
      baseMs: 1,
      random: () => 0.5,
      onRetry: () => {
        told += 1;
      },
      ...options,
    },
  });
  transports.push(transport);
  return transport;
}

function ask(transport: Transport, text = '{ hello }', signal = new AbortController().signal) {
  const kind = text.startsWith('mutation') ? OperationTypeNode.MUTATION : OperationTypeNode.QUERY;
  const operation = {
    subgraph: 'shop',
    kind,
    name: undefined,
    text,
    unnamedText: text,
    document: parse(text),
  };
  return transport.execute({ operation, variables: {}, context: anyContext(), signal });
}

async function failure(asking: Promise<unknown>): Promise<AegisError> {
  const error: unknown = await asking.then(
    (answer) => new Error(`answered ${JSON.stringify(answer)}`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof AegisError)) throw error;
  return error;
}

/** Fails the first so many requests. */
function failFirst(count: number, fault: Fault): void {
  let left = count;
  subgraph.fault = (request, response) => {
    left -= 1;
    if (left <= 0) subgraph.fault = undefined;
    fault(request, response);
  };
}

const answer =
  (status: number, headers: Record<string, string> = {}, body = '<html>busy</html>'): Fault =>
  (_request, response) => {
    response.writeHead(status, headers).end(body);
  };
const reset: Fault = (request) => request.socket.destroy();

describe('a query that a subgraph did not answer', () => {
  it.each([
    ['a broken connection', reset],
    ['429', answer(429)],
    ['502', answer(502)],
    ['503', answer(503)],
    ['504', answer(504)],
    ['503 in the words of GraphQL', answer(503, {}, '{"errors":[{"message":"stopping"}]}')],
  ])('is sent again after %s', async (_what, fault) => {
    failFirst(2, fault);
    expect(await ask(open())).toMatchObject({ data: { hello: 'hello' } });
    expect(subgraph.requests).toHaveLength(3);
    expect(told).toBe(2);
  });

  it('is sent as often as it may be, and then the last failure is told', async () => {
    failFirst(10, answer(503));
    expect((await failure(ask(open()))).message).toContain('got HTTP 503 with an HTML page');
    expect(subgraph.requests).toHaveLength(3);
  });

  it('is sent again when nobody listened', async () => {
    const transport = open({}, `http://127.0.0.1:${await findFreePort()}/graphql`);
    expect((await failure(ask(transport))).message).toContain('ECONNREFUSED');
    expect(told).toBe(2);
  });

  it('waits as long as the subgraph says, and not for long pauses', async () => {
    const times: number[] = [];
    failFirst(1, (request, response) => {
      times.push(performance.now());
      answer(429, { 'retry-after': '1' })(request, response);
    });
    await ask(open());
    expect(performance.now() - (times[0] ?? 0)).toBeGreaterThanOrEqual(990);

    failFirst(1, answer(503, { 'retry-after': '60' }));
    const error = await failure(ask(open()));
    expect(error.extensions).toMatchObject({ code: 'UPSTREAM_FAILED', retryAfterMs: 60_000 });
    expect(subgraph.requests).toHaveLength(3);
  });

  it('is sent again once for all who ask for the same', async () => {
    failFirst(1, answer(503));
    const transport = open();
    const answers = await Promise.all([ask(transport), ask(transport), ask(transport)]);
    expect(answers).toHaveLength(3);
    expect(subgraph.requests).toHaveLength(2);
  });

  it('is not sent again past the budget of its subgraph', async () => {
    failFirst(1_000, answer(503));
    const transport = open({ retries: 1 });
    for (let number = 0; number < 20; number += 1) await failure(ask(transport));
    // Ten are always allowed; of twenty requests a fifth is four.
    expect(told).toBe(14);
    expect(subgraph.requests).toHaveLength(34);
  });

  it('is not sent again once its client has left', async () => {
    failFirst(10, answer(503, { 'retry-after': '4' }));
    const client = new AbortController();
    const asking = failure(ask(open(), '{ hello }', client.signal));
    await waitFor('the first attempt', () => subgraph.requests.length === 1);
    client.abort();
    expect((await asking).code).toBe('CANCELLED');
    expect(subgraph.requests).toHaveLength(1);
  });
});

describe('a request that is not sent again', () => {
  it.each([
    ['errors in a GraphQL response', '{ fails }', undefined],
    ['a mutation', 'mutation { hello }', answer(503)],
    ['a mutation whose connection broke', 'mutation { hello }', reset],
    ['an answer that is none', '{ hello }', answer(200)],
    ['500', '{ hello }', answer(500)],
    ['silence', '{ hello }', () => undefined],
  ])('is that of %s', async (_what, text, fault) => {
    if (fault) failFirst(1, fault);
    await ask(open(), text).catch(() => undefined);
    expect(subgraph.requests).toHaveLength(1);
  });
});

describe('the budget', () => {
  it('is of the last ten seconds', () => {
    let now = 0;
    const budget = createRetryBudget({ percent: 10, now: () => now });
    for (let number = 0; number < 100; number += 1) budget.deposit();
    const taken = () => Array.from({ length: 100 }, () => budget.withdraw()).filter(Boolean).length;
    expect(taken()).toBe(20);
    now = 5_000;
    expect(taken()).toBe(0);
    now = 10_500;
    expect(taken()).toBe(10);
  });
});
