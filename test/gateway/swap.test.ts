import { describe, expect, it } from '@jest/globals';
import { createGateway, type Gateway } from '../../gateway/gateway.js';
import type { GatewayOperation } from '../../gateway/gateway-operation.js';
import { planInThread } from '../../gateway/planning/in-thread-planning.js';
import { SupergraphInvalid } from '../../gateway/supergraph/snapshot.js';
import { createInProcessTransport } from '../../gateway/transports/in-process-transport.js';
import { createLogger } from '../../kernel/telemetry/logger.js';
import { createMetrics } from '../../kernel/telemetry/metrics.js';
import { createEventSource } from '../support/event-source.js';
import { anyContext, composeTestSupergraph, toLocal, type TestSubgraph } from '../support/test-gateway.js';

const logger = createLogger({ level: 'silent', pretty: false });

/** A gateway over a subgraph that answers when it is let, in two versions, beside one that stays the same. */
function openVersions() {
  const opened: string[] = [];
  const closed: string[] = [];
  const source = createEventSource<{ tick: number }>();
  let letGo: () => void = () => undefined;
  let waiting = 0;
  const gate = new Promise<void>((resolve) => (letGo = resolve));

  const version = (field: string): TestSubgraph => ({
    typeDefs: `type Query { ${field}: P } type P @key(fields: "id") { id: ID! } type Subscription { tick: Int }`,
    resolvers: {
      Query: {
        [field]: async () => {
          waiting += 1;
          await gate;
          return { id: field };
        },
      },
      Subscription: { tick: { subscribe: () => source.open() } },
    },
  });
  const names: TestSubgraph = {
    typeDefs: 'type P @key(fields: "id") { id: ID! name: String }',
    resolvers: { P: { name: ({ id }: { id: string }) => `name of ${id}` } },
  };
  const subgraphs: Record<string, TestSubgraph> = { old: version('old'), fresh: version('fresh'), names };
  const sdlOf = (...parts: string[]) =>
    composeTestSupergraph(
      Object.fromEntries(parts.flatMap((name) => (subgraphs[name] ? [[name, subgraphs[name]]] : []))),
    );

  const gateway = createGateway({
    ...planInThread(sdlOf('old', 'names')),
    openTransport: ({ name }) => {
      if (name === 'broken') throw new Error('expected an address');
      opened.push(name);
      return {
        ...createInProcessTransport({ subgraph: toLocal(name, subgraphs[name]), logger }),
        close: async () => void closed.push(name),
      };
    },
    logger,
    metrics: createMetrics(),
    operationTimeoutMs: 10_000,
    planCacheSize: 10,
  });
  return {
    gateway,
    opened,
    closed,
    source,
    fresh: sdlOf('fresh', 'names'),
    broken: sdlOf('names', 'fresh').replaceAll('"fresh"', '"broken"'),
    letGo: () => {
      letGo();
    },
    waiting: () => waiting,
  };
}

function read(gateway: Gateway, text: string): GatewayOperation {
  const generation = gateway.current;
  const document = generation.readDocument(text);
  if (!('kind' in document)) throw new Error(document.map(({ message }) => message).join('\n'));
  return { generation, document, context: anyContext(), signal: new AbortController().signal };
}

const settled = () => new Promise(setImmediate);

describe('taking another supergraph', () => {
  it('changes nothing for what is running, and is there for what comes next', async () => {
    const { gateway, fresh, letGo, waiting, opened, closed } = openVersions();
    const running = Array.from({ length: 200 }, () => gateway.execute(read(gateway, '{ old { name } }')));
    await settled();
    expect(waiting()).toBe(200);

    await gateway.swap(fresh);
    expect(() => read(gateway, '{ old { name } }')).toThrow('Cannot query field "old"');
    const next = gateway.execute(read(gateway, '{ fresh { name } }'));
    await settled();
    expect({ opened, closed }).toEqual({ opened: ['names', 'old', 'fresh'], closed: [] });

    letGo();
    const data = (await Promise.all(running)).map((result) => JSON.stringify(result));
    expect(new Set(data)).toEqual(new Set(['{"data":{"old":{"name":"name of old"}}}']));
    expect(JSON.stringify(await next)).toBe('{"data":{"fresh":{"name":"name of fresh"}}}');
    await settled();
    expect(closed).toEqual(['old']);
    await gateway.close();
    expect([...closed].sort()).toEqual(['fresh', 'names', 'old']);
  });

  it('keeps a subscription on the supergraph that it began with until it ends', async () => {
    const { gateway, fresh, source, closed } = openVersions();
    const events = await gateway.subscribe(read(gateway, 'subscription { tick }'));
    if (!(Symbol.asyncIterator in events)) throw new Error('events');
    await gateway.swap(fresh);
    source.push({ tick: 1 });
    expect((await events.next()).value).toEqual({ data: { tick: 1 } });
    expect(closed).toEqual([]);
    await events.return?.();
    await settled();
    expect(closed).toEqual(['old']);
    await gateway.close();
  });

  it('opens again what an operation needs that was read before and begins after', async () => {
    const { gateway, fresh, letGo, opened, closed } = openVersions();
    letGo();
    const late = read(gateway, '{ old { name } }');
    await gateway.swap(fresh);
    await settled();
    expect(closed).toEqual(['old']);
    expect(await gateway.execute(late)).toEqual({ data: { old: { name: 'name of old' } } });
    await settled();
    expect({ opened, closed }).toEqual({ opened: ['names', 'old', 'fresh', 'old'], closed: ['old', 'old'] });
    await gateway.close();
  });

  it('changes nothing when the other one is none, or cannot be reached', async () => {
    const { gateway, broken, letGo, opened, closed } = openVersions();
    letGo();
    const before = gateway.current;
    await expect(gateway.swap('type Query { a: Int }')).rejects.toThrow(SupergraphInvalid);
    await expect(gateway.swap(broken)).rejects.toThrow(SupergraphInvalid);
    expect(gateway.current).toBe(before);
    expect(await gateway.execute(read(gateway, '{ old { name } }'))).toEqual({
      data: { old: { name: 'name of old' } },
    });
    expect({ opened, closed }).toEqual({ opened: ['names', 'old'], closed: [] });
    await gateway.close();
    expect(closed.sort()).toEqual(['names', 'old']);
  });

  it('tells those who follow, though one of them fails, and does nothing for the same one', async () => {
    const { gateway, fresh } = openVersions();
    const followed: string[] = [];
    let fail = false;
    gateway.onGeneration(() => {
      if (fail) throw new Error('cannot follow');
    });
    const stop = gateway.onGeneration(({ snapshot }) => followed.push(snapshot.id));
    fail = true;
    const next = await gateway.swap(fresh);
    expect(await gateway.swap(fresh)).toBe(next);
    stop();
    await gateway.swap(openVersions().gateway.current.snapshot.sdl);
    expect(followed).toHaveLength(2);
    expect(followed[1]).toBe(next.snapshot.id);
    await gateway.close();
  });
});

describe('closing a gateway', () => {
  it('waits for what is running, begins nothing, and closes each transport once', async () => {
    const { gateway, letGo, closed } = openVersions();
    const running = gateway.execute(read(gateway, '{ old { id } }'));
    await settled();
    let done = false;
    const closing = gateway.close().then(() => (done = true));
    expect(await gateway.execute(read(gateway, '{ old { id } }'))).toMatchObject({
      errors: [{ extensions: { code: 'UNAVAILABLE', retryable: true } }],
    });
    expect({ done, closed }).toEqual({ done: false, closed: [] });
    letGo();
    expect(await running).toEqual({ data: { old: { id: 'old' } } });
    await closing;
    expect(closed.sort()).toEqual(['names', 'old']);
  });
});

describe('a supergraph that cannot be served', () => {
  it('is refused with the reason', () => {
    const { broken } = openVersions();
    const create = () =>
      createGateway({
        ...planInThread(broken),
        openTransport: () => {
          throw new Error('expected an address');
        },
        logger,
        metrics: createMetrics(),
        operationTimeoutMs: 1_000,
        planCacheSize: 10,
      });
    expect(create).toThrow(SupergraphInvalid);
    expect(create).toThrow('expected an address');
  });
});
