import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { createHttpTransport } from '../../../gateway/transports/http-transport.js';
import { createRetryBudget } from '../../../gateway/transports/retry-budget.js';
import { traceFetches } from '../../../gateway/transports/trace-fetches.js';
import type { Transport } from '../../../gateway/transports/transport.js';
import { createLogger } from '../../../kernel/telemetry/logger.js';
import { openTracing, type OpenedTracing } from '../../../kernel/telemetry/open-tracing.js';
import { serveForeignSubgraph, type ForeignSubgraph } from '../../support/foreign-subgraph.js';
import { subgraphOperation } from '../../support/subgraph-operation.js';
import { anyContext } from '../../support/test-gateway.js';
import { openTraceCollector, type TraceCollector } from '../../support/trace-collector.js';

let subgraph: ForeignSubgraph;
let collector: TraceCollector;
let opened: OpenedTracing;
let transport: Transport;

beforeEach(async () => {
  subgraph = await serveForeignSubgraph('shop', { typeDefs: 'type Query { hello: String }' });
  collector = await openTraceCollector();
  const logger = createLogger({ level: 'silent', pretty: false });
  const { endpoint } = collector;
  opened = await openTracing({
    ...{ endpoint, headers: {}, resourceAttributes: {}, logger },
    serviceName: 'test',
    ratio: 1,
  });
  const sent = createHttpTransport({
    subgraph: 'shop',
    url: subgraph.url,
    timeoutMs: 2_000,
    connections: 4,
    maxResponseBytes: 10_000,
    headersFor: () => Promise.resolve({}),
    retry: {
      retries: 2,
      budget: createRetryBudget({ percent: 100, now: () => performance.now() }),
      baseMs: 1,
      random: () => 0,
      onRetry: () => undefined,
    },
  });
  transport = traceFetches(sent, 'shop', opened.tracing);
});

afterEach(async () => {
  await opened.close();
  await transport.close();
  await Promise.all([collector.close(), subgraph.close()]);
});

const operation = subgraphOperation('{ hello }');

function ask() {
  const { signal } = new AbortController();
  return transport.execute({ operation, variables: {}, context: anyContext(), signal });
}

async function collect() {
  await opened.close();
  return collector.spans.map(({ name, status, attributes }) => ({ name, status, attributes }));
}

describe('the span of a fetch', () => {
  it('tells that an equal one was under way', async () => {
    await Promise.all([ask(), ask()]);
    expect(subgraph.requests).toHaveLength(1);
    const shared = (await collect()).map(({ attributes }) => attributes['aegis.fetch.shared']);
    expect(shared.sort()).toEqual([true, undefined]);
  });

  it('tells how often it was sent again, and of the last answer', async () => {
    subgraph.fault = (_request, response) => {
      if (subgraph.requests.length === 3) subgraph.fault = undefined;
      response.writeHead(503).end();
    };
    await expect(ask()).rejects.toThrow(AegisError);
    await ask();
    expect(await collect()).toMatchObject([
      {
        status: 2,
        attributes: {
          'http.request.resend_count': 2,
          'http.response.status_code': 503,
          'error.type': 'UPSTREAM_FAILED',
        },
      },
      { status: 0, attributes: { 'http.response.status_code': 200 } },
    ]);
  });

  it('takes of what a subgraph calls the code of an error only what is one', async () => {
    const answers = [{ code: 'NOT_FOUND' }, { code: 'Alice was not found' }, {}];
    for (const extensions of answers) {
      subgraph.fault = (_request, response) => {
        response.end(JSON.stringify({ data: null, errors: [{ message: 'Alice', extensions }] }));
      };
      await ask();
    }
    const types = (await collect()).map(({ attributes }) => attributes['error.type']);
    expect(types).toEqual(['NOT_FOUND', 'GRAPHQL_ERROR', 'GRAPHQL_ERROR']);
  });
});
