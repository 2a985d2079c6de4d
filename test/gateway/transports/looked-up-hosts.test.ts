import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { LookupFunction } from 'node:net';
import { OperationTypeNode } from 'graphql';
import { createHttpTransport } from '../../../gateway/transports/http-transport.js';
import type { SubscriptionsOffered } from '../../../gateway/transports/subscriptions-offered.js';
import type { SubgraphRequest, Transport } from '../../../gateway/transports/transport.js';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { serveForeignSubgraph, type ForeignSubgraph } from '../../support/foreign-subgraph.js';
import { subgraphOperation } from '../../support/subgraph-operation.js';
import { anyContext } from '../../support/test-gateway.js';

/** A name that stands for this machine, until somebody lets it stand for what nobody may call. */
const HOST = 'shop.example';
let rebound = false;
let asked: string[] = [];
let subgraph: ForeignSubgraph;
const transports: Transport[] = [];

const lookup: LookupFunction = (hostname, { all }, callback) => {
  asked.push(hostname);
  if (rebound) callback(new AegisError('FORBIDDEN', `${hostname} may not be called`), '', 0);
  else if (all) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  else callback(null, '127.0.0.1', 4);
};

beforeEach(async () => {
  rebound = false;
  asked = [];
  subgraph = await serveForeignSubgraph('shop', {
    typeDefs: 'type Query { hello: String } type Subscription { tick: Int }',
    resolvers: {
      Query: { hello: () => 'hello' },
      Subscription: {
        tick: {
          subscribe: async function* () {
            await Promise.resolve();
            yield { tick: 1 };
          },
        },
      },
    },
  });
});
afterEach(async () => {
  await Promise.all(transports.splice(0).map((transport) => transport.close()));
  await subgraph.close();
});

function open(subscriptions?: SubscriptionsOffered): Transport {
  const url = new URL(subgraph.url);
  url.hostname = HOST;
  const transport = createHttpTransport({
    subgraph: 'shop',
    url: url.href,
    subscriptions,
    timeoutMs: 2_000,
    connections: 2,
    maxResponseBytes: 10_000,
    headersFor: () => Promise.resolve({}),
    lookup,
  });
  transports.push(transport);
  return transport;
}

const ask = (kind: OperationTypeNode, text: string): SubgraphRequest => ({
  operation: subgraphOperation(text, { kind }),
  variables: {},
  context: anyContext(),
  signal: new AbortController().signal,
});
const query = (text: string) => ask(OperationTypeNode.QUERY, text);
const TICKS = () => ask(OperationTypeNode.SUBSCRIPTION, 'subscription { tick }');

describe('the host of a subgraph', () => {
  it('is resolved as it is told for fetches, and may be refused then', async () => {
    const transport = open();
    expect(await transport.execute(query('{ hello }'))).toMatchObject({ data: { hello: 'hello' } });
    rebound = true;
    const refused = open().execute(query('{ hello }'));
    await expect(refused).rejects.toMatchObject({ code: 'UPSTREAM_FAILED', cause: { code: 'FORBIDDEN' } });
    expect(new Set(asked)).toEqual(new Set([HOST]));
  });

  it.each<SubscriptionsOffered>(['ws', 'sse', 'auto'])(
    'is resolved as it is told for subscriptions over %s',
    async (offered) => {
      rebound = true;
      await expect(open(offered).subscribe(TICKS())).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
      expect(new Set(asked)).toEqual(new Set([HOST]));
    },
  );

  it('is resolved for a WebSocket that opens, too', async () => {
    const events = await open('ws').subscribe(TICKS());
    expect(await events.next()).toMatchObject({ value: { data: { tick: 1 } } });
    expect(asked).toEqual([HOST]);
  });

  it('is not looked at where the operator says by himself where subscriptions are', async () => {
    rebound = true;
    const events = await open(subgraph.url.replace('http', 'ws') as SubscriptionsOffered).subscribe(TICKS());
    expect(await events.next()).toMatchObject({ value: { data: { tick: 1 } } });
    expect(asked).toEqual([]);
  });
});
