import { afterEach, describe, expect, it } from '@jest/globals';
import type { QueryPlan } from '@apollo/query-planner';
import { createGateway, type Gateway } from '../../gateway/gateway.js';
import { planInThread } from '../../gateway/planning/in-thread-planning.js';
import type { Planner } from '../../gateway/planning/planner.js';
import { createInProcessTransport } from '../../gateway/transports/in-process-transport.js';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { createFormatErrors } from '../../kernel/graphql/format-errors.js';
import { createLogger } from '../../kernel/telemetry/logger.js';
import { createMetrics } from '../../kernel/telemetry/metrics.js';
import { anyContext, composeTestSupergraph, toLocal, type TestSubgraph } from '../support/test-gateway.js';

const logger = createLogger({ level: 'silent', pretty: false });
const shop: TestSubgraph = {
  typeDefs: 'type Query { a: Int b: Int } type Subscription { s: Int }',
  resolvers: {
    Query: { a: () => 1, b: () => 2 },
    Subscription: { s: { subscribe: () => [] } },
  },
};
let gateway: Gateway;
afterEach(() => gateway.close());

/** A gateway whose planner does something else for operations with `a` or `s`. */
function open(plan: (real: () => Promise<QueryPlan>) => Promise<QueryPlan>) {
  const { supergraph, planning } = planInThread(composeTestSupergraph({ shop }));
  let asked = 0;
  const planner: Planner = {
    plan(request) {
      const real = () => supergraph.planner.plan(request);
      if (!/\b[as]\b/.test(request.text)) return real();
      asked += 1;
      return plan(real);
    },
  };
  gateway = createGateway({
    supergraph: { ...supergraph, planner },
    planning,
    openTransport: ({ name }) => createInProcessTransport({ subgraph: toLocal(name, shop), logger }),
    logger,
    metrics: createMetrics(),
    operationTimeoutMs: 200,
    planCacheSize: 10,
  });
  return { asked: () => asked };
}

const format = createFormatErrors(logger);

async function run(text: string, signal = new AbortController().signal) {
  const generation = gateway.current;
  const document = generation.readDocument(text);
  if (!('kind' in document)) throw new Error('expected a valid document');
  const context = anyContext();
  const { data, errors } = await gateway.execute({ generation, document, context, signal });
  return errors ? { errors: format(errors, context.trace) } : { data };
}

const coded = (code: string) => ({ errors: [{ extensions: { code, traceId: expect.any(String) } }] });

describe('an operation without a plan', () => {
  it('gets a coded error when its plan cannot be executed, and none of the others', async () => {
    // As Apollo's planner would have arguments from a context be filled in, for fields of no entity.
    const node = {
      ...{ kind: 'Fetch', serviceName: 'shop', operation: 'query ($x: Int) { a }', operationKind: 'query' },
      contextRewrites: [{ kind: 'KeyRenamer', path: ['lang'], renameKeyTo: 'x' }],
      variableUsages: ['x'],
    };
    const { asked } = open(() => Promise.resolve({ kind: 'QueryPlan', node } as unknown as QueryPlan));
    expect(await run('{ a }')).toMatchObject(coded('INTERNAL_SERVER_ERROR'));
    expect(await run('{ b }')).toEqual({ data: { b: 2 } });
    expect(await run('{ a }')).toMatchObject(coded('INTERNAL_SERVER_ERROR'));
    expect(asked()).toBe(1);
  });

  it('says that it is to come again when too many wait', async () => {
    open(() => Promise.reject(new AegisError('UNAVAILABLE', 'full', { retryAfterMs: 5 })));
    expect(await run('{ a }')).toMatchObject({
      errors: [{ extensions: { code: 'UNAVAILABLE', retryable: true, retryAfterMs: 5 } }],
    });
  });

  it('is waited for no longer than the operation may take, and there for the next one', async () => {
    let make: () => void = () => undefined;
    const made = new Promise<void>((resolve) => (make = resolve));
    const { asked } = open((real) => made.then(real));
    expect(await run('{ a }')).toMatchObject(coded('UPSTREAM_TIMEOUT'));
    const left = new AbortController();
    const leaving = run('{ a }', left.signal);
    left.abort();
    expect(await leaving).toMatchObject(coded('CANCELLED'));
    make();
    expect(await run('{ a }')).toEqual({ data: { a: 1 } });
    expect(asked()).toBe(1);
  });

  it('is waited for no longer by a subscription either', async () => {
    open(() => new Promise<QueryPlan>(() => undefined));
    const generation = gateway.current;
    const document = generation.readDocument('subscription { s }');
    if (!('kind' in document)) throw new Error('expected a valid document');
    const signal = new AbortController().signal;
    const begun = await gateway.subscribe({ generation, document, context: anyContext(), signal });
    expect(begun).toMatchObject({ errors: [{ extensions: { code: 'UPSTREAM_TIMEOUT' } }] });
  });
});
