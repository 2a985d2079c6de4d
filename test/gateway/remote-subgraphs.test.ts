import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ExecutionResult } from 'graphql';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { createLogger } from '../../kernel/telemetry/logger.js';
import { createMetrics } from '../../kernel/telemetry/metrics.js';
import { createGateway, type Gateway } from '../../gateway/gateway.js';
import { planInThread } from '../../gateway/planning/in-thread-planning.js';
import { composeSupergraph } from '../../gateway/supergraph/compose.js';
import { createHttpTransport } from '../../gateway/transports/http-transport.js';
import { createEventSource } from '../support/event-source.js';
import { serveForeignSubgraph, type ForeignSubgraph } from '../support/foreign-subgraph.js';
import { anyContext, openTestGateway, type TestSubgraph } from '../support/test-gateway.js';
import { waitFor } from '../support/wait-for.js';

const source = createEventSource<{ sold: { id: string } }>();
const shop: TestSubgraph = {
  typeDefs: `
    type Query { products: [Product!]! product(id: ID!): Product }
    type Subscription { sold: Product }
    type Product @key(fields: "id") { id: ID! name: String! }`,
  resolvers: {
    Query: {
      products: () => ['1', '2'].map((id) => ({ id, name: `product ${id}` })),
      product: (_parent: unknown, { id }: { id: string }) => ({ id, name: `product ${id}` }),
    },
    Subscription: { sold: { subscribe: () => source.open() } },
    Product: { name: ({ id }: { id: string }) => `product ${id}` },
  },
};
const stock: TestSubgraph = {
  typeDefs: 'type Product @key(fields: "id") { id: ID! units: Int places: [String] strict: Int! }',
  resolvers: {
    Product: {
      units: ({ id }: { id: string }) => {
        if (id === '2') throw new AegisError('CONFLICT', 'being counted', { retryAfterMs: 10 });
        return 7;
      },
      places: ({ id }: { id: string }) => {
        if (id === '2') throw new TypeError('a secret of the stock');
        return ['cellar'];
      },
      strict: () => 1,
    },
  },
};

let remote: { readonly shop: ForeignSubgraph; readonly stock: ForeignSubgraph };
let gateway: Gateway;

beforeAll(async () => {
  remote = {
    shop: await serveForeignSubgraph('shop', shop),
    stock: await serveForeignSubgraph('stock', stock),
  };
  gateway = createGateway({
    ...planInThread(composeSupergraph([remote.shop, remote.stock])),
    openTransport: ({ name, url }) =>
      createHttpTransport({
        subgraph: name,
        url,
        timeoutMs: 300,
        connections: 8,
        maxResponseBytes: 5_000,
        headersFor: () => Promise.resolve({}),
      }),
    logger: createLogger({ level: 'silent', pretty: false }),
    metrics: createMetrics(),
    operationTimeoutMs: 1_000,
    planCacheSize: 10,
  });
});
afterAll(async () => {
  await gateway.close();
  await Promise.all([remote.shop.close(), remote.stock.close()]);
});
afterEach(() => {
  remote.stock.fault = undefined;
});

function read(query: string, signal = new AbortController().signal) {
  const generation = gateway.current;
  const document = generation.readDocument(query);
  if (!('kind' in document)) throw new Error(document.map(({ message }) => message).join('\n'));
  return { generation, document, context: anyContext(), signal };
}

const run = (query: string, signal?: AbortSignal): Promise<ExecutionResult> =>
  gateway.execute(read(query, signal));
const QUERY = '{ products { name u: units places } }';
const REST = { products: ['1', '2'].map((id) => ({ name: `product ${id}`, u: null, places: null })) };

const respond =
  (status: number, body: string) =>
  (_request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  };

describe('a subgraph that fails', () => {
  it.each([
    ['is slow', () => undefined, 'UPSTREAM_TIMEOUT'],
    ['hangs up', (request: IncomingMessage) => request.socket.destroy(), 'UPSTREAM_FAILED'],
    ['answers HTML', respond(503, '<html>Unavailable</html>'), 'UPSTREAM_FAILED'],
    ['answers half of its JSON', respond(200, '{"data": {"_entities": [{"u": 1'), 'UPSTREAM_FAILED'],
    ['answers no entities', respond(200, '{"data": {"_entities": "none"}}'), 'UPSTREAM_FAILED'],
    ['answers too few entities', respond(200, '{"data": {"_entities": []}}'), 'UPSTREAM_FAILED'],
    [
      'answers too much',
      respond(200, `{"data": {"_entities": ["${'x'.repeat(9_000)}"]}}`),
      'UPSTREAM_FAILED',
    ],
    ['answers only an error', respond(500, '{"errors": [{"message": "down"}]}'), 'UPSTREAM_FAILED'],
    [
      'answers only an error of one entity',
      respond(200, '{"data": null, "errors": [{"message": "x", "path": ["_entities", 0]}]}'),
      'UPSTREAM_FAILED',
    ],
    [
      'refuses the gateway',
      respond(401, '{"errors": [{"message": "who?", "extensions": {"code": "UNAUTHENTICATED"}}]}'),
      'UNAUTHENTICATED',
    ],
  ])('costs its own fields only, with an error at each, when it %s', async (_what, fault, code) => {
    remote.stock.fault = fault;
    const { data, errors } = await run(QUERY);
    expect(JSON.parse(JSON.stringify(data))).toEqual(REST);
    const places = errors?.map(({ path, extensions }) => [
      path?.join('.'),
      extensions['code'],
      extensions['subgraph'],
    ]);
    expect(places).toEqual(
      ['products.0.u', 'products.0.places', 'products.1.u', 'products.1.places'].map((path) => [
        path,
        code,
        'stock',
      ]),
    );
  });

  it('costs what may not be null the object that it belongs to', async () => {
    remote.stock.fault = respond(500, '');
    const { data, errors } = await run('{ product(id: "1") { name strict } }');
    expect(data).toEqual({ product: null });
    expect(errors).toMatchObject([{ path: ['product', 'strict'], extensions: { code: 'UPSTREAM_FAILED' } }]);
  });

  it('by values of another type costs each of these values', async () => {
    remote.stock.fault = respond(
      200,
      '{"data": {"_entities": [{"units": "many", "places": "cellar"}, {"units": 2, "places": [{}, "attic"]}]}}',
    );
    const { data, errors } = await run(QUERY);
    expect(data).toMatchObject({
      products: [
        { u: null, places: null },
        { u: 2, places: [null, 'attic'] },
      ],
    });
    expect(errors?.map(({ path }) => path?.join('.'))).toEqual([
      'products.0.u',
      'products.0.places',
      'products.1.places.0',
    ]);
  });
});

describe('an operation', () => {
  it('gives what is there when its time is over', async () => {
    const hurried = createGateway({
      ...planInThread(gateway.current.snapshot.sdl),
      openTransport: ({ name, url }) =>
        createHttpTransport({
          subgraph: name,
          url,
          timeoutMs: 5_000,
          connections: 2,
          maxResponseBytes: 5_000,
          headersFor: () => Promise.resolve({}),
        }),
      logger: createLogger({ level: 'silent', pretty: false }),
      metrics: createMetrics(),
      operationTimeoutMs: 200,
      planCacheSize: 10,
    });
    remote.stock.fault = () => undefined;
    const before = remote.stock.requests.length;
    const { data, errors } = await hurried.execute({ ...read(QUERY), generation: hurried.current });
    expect(JSON.parse(JSON.stringify(data))).toEqual(REST);
    expect(errors?.map(({ extensions }) => [extensions['code'], extensions['subgraph']])).toEqual(
      Array.from({ length: 4 }, () => ['UPSTREAM_TIMEOUT', 'stock']),
    );
    await waitFor('the subgraph has been hung up on', () => remote.stock.requests[before]?.aborted);
    await hurried.close();
  });

  it('is cancelled at the subgraph when its client leaves', async () => {
    remote.stock.fault = () => undefined;
    const before = remote.stock.requests.length;
    const left = new AbortController();
    const running = run(QUERY, left.signal);
    await waitFor('the subgraph is asked', () => remote.stock.requests.length > before);
    left.abort();
    expect(await running).toMatchObject({ errors: [{ extensions: { code: 'CANCELLED' } }] });
    await waitFor('the subgraph has been hung up on', () => remote.stock.requests[before]?.aborted);
  });
});

describe('a subscription', () => {
  it('at a remote subgraph is completed by another, and ends there when the client leaves', async () => {
    const events = await gateway.subscribe(read('subscription { sold { name units } }'));
    if (!(Symbol.asyncIterator in events)) throw new Error('events');
    const first = events.next();
    await source.untilReaders(1);
    source.push({ sold: { id: '1' } });
    expect((await first).value).toEqual({ data: { sold: { name: 'product 1', units: 7 } } });
    await events.return?.();
    await source.untilReaders(0);
  });
});

describe('errors of subgraphs', () => {
  it('look the same whether they are in this process or behind HTTP, but for what only our own subgraphs mask', async () => {
    const local = openTestGateway({ shop, stock });
    const [near, far] = [await local.run('{ products { units } }'), await run('{ products { units } }')];
    const shown = ({ data, errors }: ExecutionResult) => ({
      data: JSON.stringify(data),
      errors: errors?.map((error) => {
        const { traceId: _traceId, ...extensions } = error.extensions;
        return { name: error.name, message: error.message, path: error.path, extensions };
      }),
    });
    expect(shown(far)).toEqual(shown(near));
    expect(shown(near).errors).toEqual([
      {
        name: 'UpstreamError',
        message: 'being counted',
        path: ['products', 1, 'units'],
        extensions: { code: 'CONFLICT', retryable: false, retryAfterMs: 10, subgraph: 'stock' },
      },
    ]);
    await local.close();
  });

  it('that nobody raised on purpose say nothing of their reason in this process', async () => {
    const local = openTestGateway({ shop, stock });
    const { errors } = await local.run('{ products { places } }');
    expect(errors).toMatchObject([
      {
        name: 'UpstreamError',
        path: ['products', 1, 'places'],
        extensions: { code: 'INTERNAL_SERVER_ERROR', subgraph: 'stock' },
      },
    ]);
    expect(JSON.stringify(errors)).not.toContain('secret');
    await local.close();
  });
});
