import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OperationTypeNode, parse } from 'graphql';
import {
  CircuitBreaker,
  type CallOutcome,
  type CircuitBreakerOptions,
  type CircuitState,
} from '../../../gateway/transports/circuit-breaker.js';
import { createHttpTransport } from '../../../gateway/transports/http-transport.js';
import type { Transport } from '../../../gateway/transports/transport.js';
import { serveForeignSubgraph, type ForeignSubgraph } from '../../support/foreign-subgraph.js';
import { anyContext } from '../../support/test-gateway.js';
import { waitFor } from '../../support/wait-for.js';

/** A breaker whose clock the test sets. */
function openBreaker(options: Partial<CircuitBreakerOptions> = {}) {
  const clock = { now: 0 };
  const states: CircuitState[] = [];
  const breaker = new CircuitBreaker({
    failurePercent: 50,
    minimumCalls: 4,
    windowMs: 1_000,
    openMs: 500,
    now: () => clock.now,
    onState: (state) => states.push(state),
    ...options,
  });
  function call(...outcomes: CallOutcome[]): void {
    for (const outcome of outcomes) {
      const admission = breaker.enter();
      if ('report' in admission) admission.report(outcome);
    }
  }
  return { breaker, clock, states, call };
}

describe('a circuit breaker', () => {
  it('opens when enough calls failed, and says for how long', () => {
    const { breaker, clock, states, call } = openBreaker();
    call('failure', 'success', 'failure');
    expect(states).toEqual(['closed']);
    call('failure');
    expect(states).toEqual(['closed', 'open']);
    clock.now = 200;
    expect(breaker.enter()).toEqual({ retryAfterMs: 300 });
  });

  it('forgets what is longer ago than its window', () => {
    const { states, clock, call } = openBreaker();
    call('failure', 'failure', 'failure');
    clock.now = 1_100;
    call('failure', 'success', 'success', 'success', 'success');
    expect(states).toEqual(['closed']);
  });

  it('lets one call at a time find out, and closes when it succeeds', () => {
    const { breaker, clock, states, call } = openBreaker();
    call('failure', 'failure', 'failure', 'failure');
    clock.now = 500;
    const probe = breaker.enter();
    expect(breaker.enter()).toHaveProperty('retryAfterMs');
    if ('report' in probe) probe.report('success');
    expect(states).toEqual(['closed', 'open', 'half-open', 'closed']);
    expect(breaker.enter()).toHaveProperty('report');
  });

  it('opens again when that call fails, and lets another one try when it says nothing', () => {
    const { breaker, clock, states, call } = openBreaker();
    call('failure', 'failure', 'failure', 'failure');
    clock.now = 500;
    call('neutral', 'failure');
    expect(states).toEqual(['closed', 'open', 'half-open', 'open']);
    expect(breaker.retryAfterMs).toBe(500);
  });

  it('takes no word of calls that began before it changed', () => {
    const { breaker, clock, states, call } = openBreaker();
    const early = breaker.enter();
    call('failure', 'failure', 'failure', 'failure');
    clock.now = 500;
    const probe = breaker.enter();
    if ('report' in early) early.report('success');
    expect(states.at(-1)).toBe('half-open');
    if ('report' in probe) probe.report('failure');
    expect(states.at(-1)).toBe('open');
  });
});

describe('a subgraph behind a breaker', () => {
  let subgraph: ForeignSubgraph;
  let transport: Transport;
  let parts: ReturnType<typeof openBreaker>;

  beforeEach(async () => {
    parts = openBreaker();
    subgraph = await serveForeignSubgraph('shop', {
      typeDefs: 'type Query { hello: String fails: Int! }',
      resolvers: {
        Query: {
          hello: () => 'hello',
          fails: () => {
            throw new Error('broken');
          },
        },
      },
    });
    transport = createHttpTransport({
      subgraph: 'shop',
      url: subgraph.url,
      timeoutMs: 200,
      connections: 4,
      maxResponseBytes: 10_000,
      headersFor: () => Promise.resolve({}),
      breaker: parts.breaker,
    });
  });
  afterEach(async () => {
    await transport.close();
    await subgraph.close();
  });

  function ask(text = '{ hello }', signal = new AbortController().signal) {
    const kind = OperationTypeNode.QUERY;
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

  type Fault = (request: IncomingMessage, response: ServerResponse) => void;
  const answer =
    (status: number, body: string): Fault =>
    (_request, response) => {
      response.writeHead(status).end(body);
    };

  it.each([
    ['breaks its connections', (request: IncomingMessage) => request.socket.destroy()],
    ['says nothing', () => undefined],
    ['answers 503', answer(503, '{"errors":[{"message":"stopping"}]}')],
    ['answers 500 with a page', answer(500, '<html>')],
  ])('is left alone when it %s, and its health says so', async (_what, fault) => {
    subgraph.fault = fault;
    for (let number = 0; number < 4; number += 1) await ask().catch(() => undefined);
    expect(parts.states).toEqual(['closed', 'open']);
    await expect(ask()).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: 500 });
    expect(subgraph.requests).toHaveLength(4);
    const { signal } = new AbortController();
    expect(await transport.health(signal)).toMatchObject({
      state: 'DOWN',
      reason: expect.stringContaining('500 ms'),
    });

    subgraph.fault = undefined;
    parts.clock.now = 500;
    expect(await transport.health(signal)).toEqual({ state: 'UP' });
    expect(await ask()).toMatchObject({ data: { hello: 'hello' } });
    expect(parts.states.at(-1)).toBe('closed');
  });

  it.each([
    ['errors', '{ fails }', undefined],
    ['a mistake of its own told as GraphQL (500)', '{ hello }', answer(500, '{"errors":[{"message":"no"}]}')],
    ['word of a request that is none (400)', '{ hello }', answer(400, '{"errors":[{"message":"no"}]}')],
    ['word that it is asked too often (429)', '{ hello }', answer(429, '')],
  ])('is asked on while it answers with %s', async (_what, text, fault) => {
    subgraph.fault = fault;
    for (let number = 0; number < 8; number += 1) await ask(text).catch(() => undefined);
    expect(parts.states).toEqual(['closed']);
  });

  it('is not blamed for clients that leave', async () => {
    subgraph.fault = () => undefined;
    for (let number = 0; number < 8; number += 1) {
      const client = new AbortController();
      const asking = ask('{ hello }', client.signal).catch(() => undefined);
      await waitFor('it is asked', () => subgraph.requests.length > number);
      client.abort();
      await asking;
    }
    expect(parts.states).toEqual(['closed']);
  });
});
