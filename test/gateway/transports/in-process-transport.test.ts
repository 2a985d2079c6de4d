import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { RequestContext } from '../../../kernel/graphql/subgraph.js';
import { createInProcessTransport } from '../../../gateway/transports/in-process-transport.js';
import { anyContext, toLocal } from '../../support/test-gateway.js';
import { subgraphOperation } from '../../support/subgraph-operation.js';

/** A transport to a small subgraph, and what it has written to the log. */
function openSmall(createContext = (request: RequestContext) => request) {
  const lines: string[] = [];
  const resolved: string[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  const subgraph = toLocal('small', {
    createContext,
    typeDefs: 'type Query { hello: String fails: Int refuses: Int never: Int } type Mutation { change: Int }',
    resolvers: {
      Query: {
        hello: () => 'hello',
        fails: () => {
          throw new Error('a secret');
        },
        refuses: () => {
          throw new AegisError('CONFLICT', 'another one', { retryAfterMs: 5 });
        },
        never: () => new Promise(() => undefined),
      },
      Mutation: { change: () => resolved.push('change') },
    },
  });
  const transport = createInProcessTransport({ subgraph, logger });

  function ask(text: string, signal = new AbortController().signal) {
    const operation = subgraphOperation(text, { subgraph: 'small' });
    return transport.execute({ operation, variables: {}, context, signal });
  }
  const context = anyContext();
  return { ask, lines, resolved, traceId: context.trace.traceId };
}

describe('a subgraph in this process', () => {
  it('answers without JSON', async () => {
    expect(await openSmall().ask('{ hello }')).toEqual({ data: { hello: 'hello' } });
  });

  it('answers errors as it would over the wire: raised on purpose as they are, others masked and logged', async () => {
    const { ask, lines, traceId } = openSmall();
    expect(await ask('{ refuses fails }')).toEqual({
      data: { refuses: null, fails: null },
      errors: [
        {
          message: 'another one',
          path: ['refuses'],
          locations: [{ line: 1, column: 3 }],
          extensions: { code: 'CONFLICT', retryable: false, retryAfterMs: 5, traceId },
        },
        {
          message: expect.stringContaining(traceId),
          path: ['fails'],
          locations: [{ line: 1, column: 11 }],
          extensions: { code: 'INTERNAL_SERVER_ERROR', retryable: false, traceId },
        },
      ],
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('a secret');
    expect(lines[0]).toContain(traceId);
  });

  it('refuses a fetch that its schema does not take: the supergraph is stale', async () => {
    await expect(openSmall().ask('{ nothing }')).rejects.toMatchObject({
      code: 'UPSTREAM_FAILED',
      message: expect.stringContaining('Compose the supergraph again.'),
    });
  });

  it('is not waited for when the client has left, or the deadline has passed', async () => {
    const { ask } = openSmall();
    const left = new AbortController();
    const asking = ask('{ never }', left.signal);
    left.abort();
    await expect(asking).rejects.toMatchObject({ code: 'CANCELLED' });
    const late = new AegisError('UPSTREAM_TIMEOUT', 'late');
    await expect(ask('{ never }', AbortSignal.abort(late))).rejects.toBe(late);
  });

  it('throws what its context throws', async () => {
    const { ask } = openSmall(() => {
      throw new TypeError('no context');
    });
    await expect(ask('{ hello }')).rejects.toThrow(TypeError);
  });
});
