import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { serveForeignSubgraph, type ForeignSubgraph } from '../../support/foreign-subgraph.js';
import { serveRemoteGateway, type RemoteGateway } from '../../support/remote-gateway.js';
import { openSubscriber, type Subscriber } from '../../support/subscriber.js';
import { waitFor } from '../../support/wait-for.js';

let subgraph: ForeignSubgraph;
let gateway: RemoteGateway;
let client: Subscriber;

beforeEach(async () => {
  subgraph = await serveForeignSubgraph('one', {
    typeDefs: 'type Query { one: Int }',
    resolvers: { Query: { one: () => 1 } },
  });
  gateway = await serveRemoteGateway([subgraph]);
  client = await openSubscriber(gateway.webSocketUrl);
  // It takes requests, and answers none.
  subgraph.fault = () => undefined;
  client.say({ id: 'q', type: 'subscribe', payload: { query: '{ one }' } });
  await waitFor('the subgraph is asked', () => subgraph.requests.length === 1);
});
afterEach(async () => {
  client.socket.terminate();
  await gateway.close();
  await subgraph.close();
});

describe('a query over WebSocket', () => {
  it('is cancelled at the subgraph when the client completes it, and its id is free again', async () => {
    client.say({ id: 'q', type: 'complete' });
    await waitFor('its request is cancelled', () => subgraph.requests[0]?.aborted);
    subgraph.fault = undefined;
    client.say({ id: 'q', type: 'subscribe', payload: { query: '{ one }' } });
    await client.untilHeard(({ type }) => type === 'complete');
    const [, ...heard] = client.heard;
    expect(heard).toEqual([
      { id: 'q', type: 'next', payload: { data: { one: 1 } } },
      { id: 'q', type: 'complete' },
    ]);
  });

  it('is cancelled at the subgraph when its socket closes', async () => {
    client.socket.terminate();
    await waitFor('its request is cancelled', () => subgraph.requests[0]?.aborted);
  });
});
