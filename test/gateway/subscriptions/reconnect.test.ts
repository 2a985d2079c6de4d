import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createEventSource, type EventSource } from '../../support/event-source.js';
import { serveForeignSubgraph, type ForeignSubgraph } from '../../support/foreign-subgraph.js';
import { serveRemoteGateway, type RemoteGateway } from '../../support/remote-gateway.js';
import { openSubscriber, type Subscriber } from '../../support/subscriber.js';
import { waitFor } from '../../support/wait-for.js';

interface Row {
  readonly cursor: string;
  readonly value: number;
}

let rows: Row[];
let live: EventSource<Row>;
let subgraph: ForeignSubgraph;
let gateway: RemoteGateway;
let client: Subscriber;

/** First what is stored behind the cursor, and then what comes, as a table that is followed. */
async function* follow(after: string | null | undefined) {
  const coming = live.open();
  const stored = after == null ? [] : rows.slice(Number(after));
  try {
    let last = after == null ? rows.length : Number(after);
    for (const row of stored) {
      last = Number(row.cursor);
      yield row;
    }
    for await (const row of coming) if (Number(row.cursor) > last) yield row;
  } finally {
    await coming.return?.();
  }
}

const typeDefs = `
  type Query { none: Int }
  type Subscription { rows(after: String, max: Int): Row plain: Int }
  type Row { cursor: String! value: Int echo(text: String): String }`;
const resolvers = {
  Subscription: {
    rows: {
      subscribe: (_root: unknown, { after }: { after?: string | null }) => follow(after),
      resolve: (row: Row) => row,
    },
    plain: { subscribe: () => live.open(), resolve: ({ value }: Row) => value },
  },
  Row: { echo: (_row: Row, { text }: { text?: string | null }) => text ?? 'nothing' },
};

function write(...values: readonly number[]): void {
  for (const value of values) {
    const row = { cursor: String(rows.length + 1), value };
    rows.push(row);
    live.push(row);
  }
}

async function open(subscriptions: 'ws' | 'sse'): Promise<void> {
  rows = [];
  live = createEventSource();
  subgraph = await serveForeignSubgraph('rows', { typeDefs, resolvers }, { subscriptions });
  gateway = await serveRemoteGateway([subgraph], { subscriptionReconnectMs: 5 });
  client = await openSubscriber(gateway.webSocketUrl);
}

afterEach(async () => {
  client.socket.terminate();
  await gateway.close();
  await subgraph.close();
});

const valuesOf = (events: readonly unknown[]) =>
  events.map((event) => (event as { data: { rows: { value: number } } }).data.rows.value);

describe.each(['ws', 'sse'] as const)('a subscription whose events have a cursor, over %s', (protocol) => {
  beforeEach(() => open(protocol));

  it.each([
    ['rows { value }', {}, [1, 2, 3, 4]],
    ['rows(max: 9, after: null) { value }', {}, [1, 2, 3, 4]],
    ['rows(after: $from) { value c: cursor }', { from: '0' }, [0, 1, 2, 3, 4]],
    ['rows(after: "0") { value }', {}, [0, 1, 2, 3, 4]],
  ])(
    'is resumed behind the last event, without loss and without doubles: %s',
    async (field, variables, expected) => {
      write(0);
      const declared = 'from' in variables ? '($from: String)' : '';
      client.subscribe({ query: `subscription${declared} { ${field} }`, variables });
      await live.untilReaders(1);
      write(1);
      await client.untilEvents(expected.indexOf(1) + 1);
      subgraph.dropSockets();
      write(2);
      await client.untilEvents(expected.indexOf(2) + 1);
      write(3);
      await client.untilEvents(expected.indexOf(3) + 1);
      subgraph.dropSockets(1001);
      write(4);
      const events = await client.untilEvents(expected.length);
      expect(valuesOf(events)).toEqual(expected);
      expect(JSON.stringify(events)).not.toMatch(/aegis__|gap/);
      if (field.includes('c: cursor'))
        expect(events.at(-1)).toEqual({ data: { rows: { value: 4, c: '5' } } });
    },
  );

  it('tells of a gap when it is lost before its first event, for nobody knows where it began', async () => {
    client.subscribe({ query: 'subscription { rows { value } }' });
    await waitFor('it has begun', async () => {
      const { values } = await gateway.gateway.metrics.subscriptions.get();
      return live.readers === 1 && values[0]?.value === 1;
    });
    subgraph.dropSockets();
    await waitFor('it has begun again', () => subgraph.payloads.length === 2 && live.readers === 2);
    write(1, 2);
    expect(await client.untilEvents(2)).toEqual([
      { data: { rows: { value: 1 } }, extensions: { gap: true } },
      { data: { rows: { value: 2 } } },
    ]);
  });

  it('that says where it begins is not joined by who comes after its first event', async () => {
    write(1, 2);
    const query = 'subscription { rows(after: "0") { value } }';
    client.subscribe({ query });
    await client.untilEvents(2);
    const other = await openSubscriber(gateway.webSocketUrl);
    other.subscribe({ query });
    expect(valuesOf(await other.untilEvents(2))).toEqual([1, 2]);
    other.socket.terminate();
  });
});

describe('subscriptions that differ only in where they began', () => {
  beforeEach(() => open('ws'));
  const upstreams = async () =>
    (await gateway.metrics.getSingleMetric('aegis_gateway_subscription_upstreams')?.get())?.values[0]?.value;

  it('become one once they have caught up, without loss and without doubles, and leave it one by one', async () => {
    write(1, 2, 3, 4);
    const starts: [string, Record<string, unknown>][] = [
      ['subscription { rows { value } }', {}],
      ['subscription { rows(after: "0") { value } }', {}],
      ['subscription ($from: String) { rows(after: $from) { value } }', { from: '1' }],
      ['subscription ($from: String) { rows(after: $from) { value } }', { from: '3' }],
    ];
    const clients = await Promise.all(starts.map(() => openSubscriber(gateway.webSocketUrl)));
    for (const [index, each] of clients.entries()) {
      const [query = '', variables] = starts[index] ?? [];
      each.subscribe({ query, ...(variables ? { variables } : {}) });
    }
    await live.untilReaders(4);
    write(5, 6);
    // Those by literals and those by variables are different operations.
    await waitFor('two are left', async () => (await upstreams()) === 2);
    subgraph.dropSockets();
    write(7, 8, 9);
    const expected = [5, 1, 2, 4].map((first) =>
      Array.from({ length: 10 - first }, (_, index) => first + index),
    );
    for (const [index, each] of clients.entries()) {
      const events = await each.untilEvents(expected[index]?.length ?? 0);
      expect(valuesOf(events)).toEqual(expected[index]);
    }
    const late = await openSubscriber(gateway.webSocketUrl);
    late.subscribe({ query: 'subscription { rows { value } }' });
    await waitFor('it has joined', async () => {
      const clientsNow = await gateway.metrics.getSingleMetric('aegis_gateway_subscription_clients')?.get();
      return clientsNow?.values[0]?.value === 5;
    });
    expect(await upstreams()).toBe(2);
    for (const [index, each] of [...clients, late].entries()) {
      write(10 + index);
      await each.untilHeard(({ payload }) => JSON.stringify(payload ?? '').includes(`:${10 + index}}`));
      each.socket.terminate();
    }
    await waitFor('none is left', async () => (await upstreams()) === 0);
  });

  it('give thirty clients all there is behind their places, while rows come, clients join and the subgraph is lost', async () => {
    write(...Array.from({ length: 20 }, (_, index) => index + 1));
    const query = 'subscription ($from: String) { rows(after: $from) { value } }';
    const clients: Subscriber[] = [];
    for (let index = 0; index < 30; index += 1) {
      const joining = await openSubscriber(gateway.webSocketUrl);
      clients.push(joining);
      joining.subscribe({ query, variables: { from: String((index * 7) % 20) } });
      write(rows.length + 1, rows.length + 2);
      if (index % 10 === 9) subgraph.dropSockets();
    }
    await waitFor('one is left', async () => {
      write(rows.length + 1);
      return (await upstreams()) === 1;
    });
    for (const [index, each] of clients.entries()) {
      const first = ((index * 7) % 20) + 1;
      const count = rows.length + 1 - first;
      const events = await each.untilEvents(count);
      expect(valuesOf(events)).toEqual(Array.from({ length: count }, (_, place) => first + place));
      each.socket.terminate();
    }
  });

  it('stay apart where the variable of the place is used elsewhere', async () => {
    write(1);
    client.subscribe({
      query: 'subscription ($from: String) { rows(after: $from) { value echo(text: $from) } }',
      variables: { from: '0' },
    });
    client.subscribe({
      query: 'subscription ($from: String) { rows(after: $from) { value echo(text: $from) } }',
      variables: { from: null },
    });
    await live.untilReaders(2);
    write(2, 3);
    await client.untilEvents(5);
    expect(live.readers).toBe(2);
    expect(await upstreams()).toBe(2);
  });
});

describe.each(['ws', 'sse'] as const)('a subscription without a cursor, over %s', (protocol) => {
  beforeEach(() => open(protocol));

  it('is begun again, and its next event tells of the gap', async () => {
    client.subscribe({ query: 'subscription { plain }' });
    await live.untilReaders(1);
    write(1);
    await client.untilEvents(1);
    subgraph.dropSockets();
    await waitFor('it has begun again', () => subgraph.payloads.length === 2 && live.readers === 1);
    write(2, 3);
    expect(await client.untilEvents(3)).toEqual([
      { data: { plain: 1 } },
      { data: { plain: 2 }, extensions: { gap: true } },
      { data: { plain: 3 } },
    ]);
  });
});

describe.each(['ws', 'sse'] as const)('a subgraph that does not come back, over %s', (protocol) => {
  beforeEach(() => open(protocol));

  it('ends its subscriptions with an error after as many attempts as are set, and the socket stays', async () => {
    const id = client.subscribe({ query: 'subscription { rows { value } }' });
    await live.untilReaders(1);
    write(1);
    await client.untilEvents(1);
    await subgraph.close();
    const error = await client.untilHeard(({ type }) => type === 'error');
    expect(error).toMatchObject({
      id,
      payload: [{ extensions: { code: 'UPSTREAM_FAILED', subgraph: 'rows', traceId: expect.any(String) } }],
    });
    client.subscribe({ query: '{ __typename }' });
    await client.untilEvents(2);
  });

  it('and was never there is told at once, without further attempts', async () => {
    await subgraph.close();
    client.subscribe({ query: 'subscription { rows { value } }' });
    const [refused] = await client.untilEvents(1);
    expect(refused).toMatchObject({
      errors: [{ extensions: { code: 'UPSTREAM_FAILED', subgraph: 'rows' } }],
    });
    const attempts = await gateway.metrics
      .getSingleMetric('aegis_gateway_subscription_reconnects_total')
      ?.get();
    expect(attempts?.values).toEqual([]);
  });
});
