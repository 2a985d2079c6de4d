import { afterEach, describe, expect, it } from '@jest/globals';
import type { ExecutionResult } from 'graphql';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import type { Transport } from '../../gateway/transports/transport.js';
import { createEventSource, type EventSource } from '../support/event-source.js';
import {
  openTestGateway,
  type TestGateway,
  type TestGatewayOptions,
  type TestSubgraph,
} from '../support/test-gateway.js';

interface Reading {
  readonly device: { readonly id: string };
  readonly value: number | null;
}

interface CountedContext extends RequestContext {
  readonly number: number;
}

/** Devices stream their readings; another subgraph knows their names, slowly where a test says so. */
function openDevices(wrap?: (transport: Transport, name: string) => Transport, options?: TestGatewayOptions) {
  const source: EventSource<Reading> = createEventSource();
  const slow = new Map<string, Promise<void>>();
  let contexts = 0;
  const createContext = (request: RequestContext): CountedContext => ({
    ...request,
    number: (contexts += 1),
  });
  const readings: TestSubgraph = {
    createContext,
    typeDefs: `
      type Query { none: Int }
      type Subscription { reading(max: Int): Reading refused: Int never: Int }
      type Reading { value: Int must: Int! device: Device context: Int }
      type Device @key(fields: "id") { id: ID! }`,
    resolvers: {
      Subscription: {
        reading: { subscribe: () => source.open(), resolve: (reading: Reading) => reading },
        refused: {
          subscribe: () => {
            throw new AegisError('FORBIDDEN', 'not for you');
          },
        },
        never: { subscribe: () => new Promise(() => undefined) },
      },
      Reading: {
        value: ({ value }: Reading) => {
          if (value === null) throw new AegisError('CONFLICT', 'no value');
          return value;
        },
        must: ({ value }: Reading) => value,
        context: (_reading: unknown, _args: unknown, context: unknown) => (context as CountedContext).number,
      },
    },
  };
  const names: TestSubgraph = {
    createContext,
    typeDefs: 'type Device @key(fields: "id") { id: ID! name: String context: Int }',
    resolvers: {
      Device: {
        name: async ({ id }: { id: string }) => {
          await slow.get(id);
          if (id === 'broken') throw new AegisError('NOT_FOUND', 'no name');
          return `name of ${id}`;
        },
        context: (_device: unknown, _args: unknown, context: unknown) => (context as CountedContext).number,
      },
    },
  };
  const gateway = openTestGateway({ readings, names }, wrap, options);
  opened.push(gateway);
  return { ...gateway, source, slow };
}

const opened: TestGateway[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((gateway) => gateway.close()));
});

const reading = (id: string, value: number | null = 1): Reading => ({ device: { id }, value });

async function take(events: AsyncIterator<ExecutionResult>, count: number): Promise<unknown[]> {
  const taken: unknown[] = [];
  while (taken.length < count) {
    const { value, done } = await events.next();
    if (done) break;
    taken.push(JSON.parse(JSON.stringify(value)));
  }
  return taken;
}

const gaugeOf = async ({ gateway }: TestGateway) =>
  (await gateway.metrics.subscriptions.get()).values[0]?.value;

describe('a subscription', () => {
  it('has each event completed with the fields of another subgraph', async () => {
    const { subscribe, source } = openDevices();
    const events = await subscribe('subscription { r: reading { v: value d: device { n: name id } } }');
    source.push(reading('a'));
    expect(await take(events, 1)).toEqual([{ data: { r: { v: 1, d: { n: 'name of a', id: 'a' } } } }]);
    await events.return?.();
  });

  it('keeps the order of events that come faster than they are completed', async () => {
    const { subscribe, source, slow } = openDevices();
    let answer: () => void = () => undefined;
    slow.set('first', new Promise((resolve) => (answer = resolve)));
    const events = await subscribe('subscription { reading { device { name } } }');
    for (const id of ['first', 'b', 'c', 'd', 'e']) source.push(reading(id));
    const taking = take(events, 5);
    answer();
    expect(await taking).toEqual(
      ['first', 'b', 'c', 'd', 'e'].map((id) => ({
        data: { reading: { device: { name: `name of ${id}` } } },
      })),
    );
    await events.return?.();
  });

  it('keeps the errors of one event from the next', async () => {
    const { subscribe, source } = openDevices();
    const events = await subscribe('subscription { reading { value device { name } } }');
    for (const event of [reading('a', null), reading('broken'), reading('c')]) source.push(event);
    expect(await take(events, 3)).toMatchObject([
      {
        data: { reading: { value: null, device: { name: 'name of a' } } },
        errors: [{ path: ['reading', 'value'], extensions: { code: 'CONFLICT', subgraph: 'readings' } }],
      },
      {
        data: { reading: { value: 1, device: { name: null } } },
        errors: [
          { path: ['reading', 'device', 'name'], extensions: { code: 'NOT_FOUND', subgraph: 'names' } },
        ],
      },
      { data: { reading: { value: 1, device: { name: 'name of c' } } } },
    ]);
    source.push(reading('d'));
    expect(await take(events, 1)).toEqual([
      { data: { reading: { value: 1, device: { name: 'name of d' } } } },
    ]);
    await events.return?.();
  });

  it('goes on after an event that is null because of a field that may not be', async () => {
    const { subscribe, source } = openDevices();
    const events = await subscribe('subscription { reading { must } }');
    source.push(reading('a', null));
    source.push(reading('b', 2));
    expect(await take(events, 2)).toMatchObject([
      { data: { reading: null }, errors: [{ path: ['reading', 'must'] }] },
      { data: { reading: { must: 2 } } },
    ]);
    await events.return?.();
  });

  it('gives each event contexts of its own in every subgraph', async () => {
    const { subscribe, source } = openDevices();
    const events = await subscribe('subscription { reading { context device { context } } }');
    for (const id of ['a', 'a', 'a']) source.push(reading(id));
    const seen = (await take(events, 3)).flatMap((event) => {
      const { data } = event as { data: { reading: { context: number; device: { context: number } } } };
      return [data.reading.context, data.reading.device.context];
    });
    expect(new Set(seen).size).toBe(6);
    await events.return?.();
  });

  it('decides conditions and knows its own name', async () => {
    const { subscribe, source, fetches } = openDevices();
    const query =
      'subscription S($with: Boolean!) { reading { __typename device { id name @include(if: $with) } } }';
    const events = await subscribe(query, { with: false });
    source.push(reading('a'));
    expect(await take(events, 1)).toEqual([
      { data: { reading: { __typename: 'Reading', device: { id: 'a' } } } },
    ]);
    expect(fetches).toEqual([]);
    await events.return?.();
  });
});

describe('the end of a subscription', () => {
  it('reaches the subgraph at once when the client leaves while nothing happens', async () => {
    const devices = openDevices();
    const events = await devices.subscribe('subscription { reading { value } }');
    expect([devices.source.readers, await gaugeOf(devices)]).toEqual([1, 1]);
    const waiting = events.next();
    await events.return?.();
    expect(await waiting).toEqual({ value: undefined, done: true });
    expect([devices.source.readers, await gaugeOf(devices)]).toEqual([0, 0]);
  });

  it('reaches the subgraph at once when the client’s signal is aborted, even while an event is completed', async () => {
    const devices = openDevices();
    const left = new AbortController();
    devices.slow.set('a', new Promise(() => undefined));
    const events = await devices.subscribe('subscription { reading { device { name } } }', {}, left.signal);
    devices.source.push(reading('a'));
    const waiting = events.next();
    await new Promise(setImmediate);
    left.abort();
    expect(await waiting).toEqual({ value: undefined, done: true });
    await devices.source.untilReaders(0);
    expect(await gaugeOf(devices)).toBe(0);
  });

  it('comes to the client when the subgraph has no more', async () => {
    const devices = openDevices();
    const events = await devices.subscribe('subscription { reading { value } }');
    devices.source.push(reading('a'));
    devices.source.end();
    expect(await take(events, 5)).toEqual([{ data: { reading: { value: 1 } } }]);
    expect(await gaugeOf(devices)).toBe(0);
  });

  it('comes with an error when the subgraph’s stream fails, after the events before it', async () => {
    const lost = new AegisError('UPSTREAM_FAILED', 'the connection was lost');
    const devices = openDevices();
    const events = await devices.subscribe('subscription { reading { value } }');
    devices.source.push(reading('a'));
    devices.source.end(lost);
    expect(await take(events, 1)).toHaveLength(1);
    await expect(events.next()).rejects.toMatchObject({
      extensions: { code: 'UPSTREAM_FAILED', subgraph: 'readings' },
    });
    expect(await events.next()).toEqual({ value: undefined, done: true });
    expect(await gaugeOf(devices)).toBe(0);
  });
});

describe('a subscription that does not begin', () => {
  const begin = async (
    devices: ReturnType<typeof openDevices>,
    query: string,
    signal = new AbortController().signal,
  ) => {
    const generation = devices.gateway.current;
    const document = generation.readDocument(query);
    if (!('kind' in document)) throw new Error('a valid document');
    const context = { principal: {} as never, trace: { traceId: '', traceparent: '' } };
    return devices.gateway.subscribe({ generation, document, context, signal });
  };

  it('is answered with the errors of the subgraph that refused it', async () => {
    const devices = openDevices();
    expect(await begin(devices, 'subscription { refused }')).toMatchObject({
      errors: [
        {
          message: 'not for you',
          path: ['refused'],
          extensions: { code: 'FORBIDDEN', subgraph: 'readings' },
        },
      ],
    });
    expect(await gaugeOf(devices)).toBe(0);
  });

  it('is answered when the subgraph does not say anything in time', async () => {
    const devices = openDevices(undefined, { operationTimeoutMs: 100 });
    expect(await begin(devices, 'subscription { never }')).toMatchObject({
      errors: [{ extensions: { code: 'UPSTREAM_TIMEOUT', subgraph: 'readings' } }],
    });
  });

  it('is ended at the subgraph when it begins after the client has left', async () => {
    let open: () => void = () => undefined;
    const opening = new Promise<void>((resolve) => (open = resolve));
    const source: EventSource<unknown> = createEventSource();
    const gateway = openTestGateway({
      late: {
        typeDefs: 'type Query { none: Int } type Subscription { late: Int }',
        resolvers: {
          Subscription: {
            late: {
              subscribe: async () => {
                const stream = source.open();
                await opening;
                return stream;
              },
            },
          },
        },
      },
    });
    opened.push(gateway);
    const left = new AbortController();
    const refused = gateway.subscribe('subscription { late }', {}, left.signal);
    await source.untilReaders(1);
    left.abort();
    await expect(refused).rejects.toThrow('cancelled');
    open();
    await source.untilReaders(0);
  });

  it('is answered when what should begin it breaks, and tells nothing of it', async () => {
    const broken = (transport: Transport): Transport => ({
      ...transport,
      subscribe: () => Promise.reject(new TypeError('a secret')),
    });
    const result = await begin(openDevices(broken), 'subscription { reading { value } }');
    if (Symbol.asyncIterator in result) throw new Error('a refusal');
    expect(result.errors?.[0]?.message).not.toContain('secret');
    expect(result.errors?.[0]).toMatchObject({ originalError: { message: 'a secret' } });
  });
});

describe('an event that takes too long to complete', () => {
  it('is handed on with what is there, and the next one is whole again', async () => {
    const { subscribe, source, slow } = openDevices(undefined, { operationTimeoutMs: 100 });
    slow.set('slow', new Promise(() => undefined));
    const events = await subscribe('subscription { reading { value device { name } } }');
    source.push(reading('slow'));
    source.push(reading('b'));
    expect(await take(events, 2)).toMatchObject([
      {
        data: { reading: { value: 1, device: { name: null } } },
        errors: [
          {
            path: ['reading', 'device', 'name'],
            extensions: { code: 'UPSTREAM_TIMEOUT', subgraph: 'names' },
          },
        ],
      },
      { data: { reading: { value: 1, device: { name: 'name of b' } } } },
    ]);
    await events.return?.();
  });
});
