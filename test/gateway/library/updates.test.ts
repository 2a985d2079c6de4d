import { IntrospectAndCompose, LocalGraphQLDataSource } from '@apollo/gateway';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parse } from 'graphql';
import { AegisGateway } from '../../../gateway/library/aegis-gateway.js';
import type {
  AegisGatewayConfig,
  SupergraphInfo,
  SupergraphSdlHookOptions,
} from '../../../gateway/library/gateway-config.js';
import { startApolloApp, type ApolloApp } from '../../support/apollo-app.js';
import { serveSchema, type ServedSchema } from '../../support/served-schema.js';
import { composeTestSupergraph } from '../../support/test-gateway.js';
import { waitFor } from '../../support/wait-for.js';

const ONE = 'type Query { one: Int }';
const TWO = 'type Query { one: Int two: Int }';

const schemaOf = (typeDefs: string) =>
  buildSubgraphSchema([{ typeDefs: parse(typeDefs), resolvers: { Query: { one: () => 1, two: () => 2 } } }]);
const supergraphOf = (typeDefs: string) => composeTestSupergraph({ numbers: { typeDefs } });

let closing: (() => Promise<unknown>)[];
let logged: string[];
beforeEach(() => {
  closing = [];
  logged = [];
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
});

function open(config: AegisGatewayConfig): AegisGateway {
  const ignore = () => undefined;
  const error = (message?: unknown) => logged.push(String(message));
  const gateway = new AegisGateway({
    planningThread: false,
    logger: { debug: ignore, info: ignore, warn: ignore, error },
    ...config,
  });
  closing.push(() => gateway.stop());
  return gateway;
}

async function start(gateway: AegisGateway): Promise<ApolloApp> {
  const app = await startApolloApp(gateway);
  closing.push(() => app.stop());
  return app;
}

/** A hook whose `update` the test calls. */
function openHook() {
  const hook = { options: undefined as SupergraphSdlHookOptions | undefined, cleanups: 0 };
  const config: AegisGatewayConfig = {
    supergraphSdl: async (options) => {
      hook.options = options;
      const cleanup = async () => {
        hook.cleanups += 1;
      };
      return { supergraphSdl: supergraphOf(ONE), cleanup };
    },
    buildService: () => new LocalGraphQLDataSource(schemaOf(TWO)),
  };
  const update = async (supergraphSdl: string) => {
    if (!hook.options) throw new Error('the hook was not called');
    await hook.options.update(supergraphSdl);
  };
  return { hook, config, update };
}

describe('IntrospectAndCompose that polls', () => {
  let numbers: ServedSchema;
  beforeEach(async () => {
    numbers = await serveSchema(schemaOf(ONE));
    closing.push(() => numbers.close());
  });

  it('brings a new schema while the server runs, and ends with it', async () => {
    const infos: [SupergraphInfo, SupergraphInfo | undefined][] = [];
    const gateway = open({
      supergraphSdl: new IntrospectAndCompose({
        subgraphs: [{ name: 'numbers', url: numbers.url }],
        pollIntervalInMs: 20,
      }),
      experimental_didUpdateSupergraph: (current, previous) => infos.push([current, previous]),
    });
    const app = await start(gateway);
    expect((await app.ask('{ one }')).json).toEqual({ data: { one: 1 } });
    expect((await app.ask('{ two }')).status).toBe(400);

    numbers.schema = schemaOf(TWO);
    const answer = await waitFor('the server knows the new field', async () => {
      const given = await app.ask('{ one two }');
      return given.status === 200 && given;
    });
    expect(answer.json).toEqual({ data: { one: 1, two: 2 } });
    expect(infos).toHaveLength(2);
    expect(infos[0]?.[1]).toBeUndefined();
    expect(infos[1]?.[1]).toBe(infos[0]?.[0]);
    expect(infos[1]?.[0].supergraphSdl).toContain('two');

    await app.stop();
    const { length } = numbers.requests;
    await app.stop();
    expect(numbers.requests).toHaveLength(length);
  });

  it('keeps the schema while a subgraph cannot be asked', async () => {
    const app = await start(
      open({
        supergraphSdl: new IntrospectAndCompose({
          subgraphs: [{ name: 'numbers', url: numbers.url }],
          pollIntervalInMs: 10,
        }),
      }),
    );
    const { length } = numbers.requests;
    numbers.fault = (response) => response.writeHead(503).end();
    await waitFor('it was asked in vain', () => numbers.requests.length > length + 1);
    numbers.fault = undefined;
    expect((await app.ask('{ one }')).json).toEqual({ data: { one: 1 } });
  });

  it('keeps the server from starting when a subgraph is not there at first', async () => {
    await numbers.close();
    const gateway = open({
      supergraphSdl: new IntrospectAndCompose({ subgraphs: [{ name: 'numbers', url: numbers.url }] }),
    });
    await expect(startApolloApp(gateway)).rejects.toThrow();
    await expect(gateway.stop()).resolves.toBeUndefined();
  });
});

describe('a function that brings the supergraph', () => {
  it('may update it, and is told when it is refused', async () => {
    const { config, update } = openHook();
    const app = await start(open(config));
    await update(supergraphOf(TWO));
    expect((await app.ask('{ two }')).json).toEqual({ data: { two: 2 } });
    await expect(update('type Query { nothing: Int }')).rejects.toThrow(/expected the SDL of a federation/);
    expect(logged.join()).toContain('an update of the supergraph is refused');
    expect((await app.ask('{ two }')).json).toEqual({ data: { two: 2 } });
  });

  it('may update it before it has brought the first one', async () => {
    const gateway = open({
      supergraphSdl: async ({ update }) => {
        await update(supergraphOf(ONE));
        return { supergraphSdl: supergraphOf(TWO) };
      },
      buildService: () => new LocalGraphQLDataSource(schemaOf(TWO)),
    });
    const app = await start(gateway);
    expect((await app.ask('{ two }')).json).toEqual({ data: { two: 2 } });
  });

  it('is cleaned up once when the server stops, and can update nothing from then on', async () => {
    const { config, hook, update } = openHook();
    const app = await start(open(config));
    await app.stop();
    expect(hook.cleanups).toBe(1);
    await expect(update(supergraphOf(TWO))).rejects.toThrow('the gateway has been stopped');
  });

  it('is cleaned up when the server stops before it has brought one', async () => {
    const { config, hook } = openHook();
    const { supergraphSdl } = config;
    let bring: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (bring = resolve));
    const gateway = open({
      ...config,
      supergraphSdl: async (options) => {
        if (typeof supergraphSdl !== 'function') throw new Error('expected a function');
        const brought = await supergraphSdl(options);
        await held;
        return brought;
      },
    });
    const loading = gateway.load();
    await gateway.stop();
    bring();
    await expect(loading).rejects.toThrow('the gateway has been stopped');
    expect(hook.cleanups).toBe(1);
    expect(gateway.schema).toBeUndefined();
  });

  it('is cleaned up when its supergraph is none', async () => {
    const { config, hook } = openHook();
    const { supergraphSdl } = config;
    const gateway = open({
      ...config,
      supergraphSdl: async (options) => {
        if (typeof supergraphSdl !== 'function') throw new Error('expected a function');
        return { ...(await supergraphSdl(options)), supergraphSdl: 'scalar No' };
      },
    });
    await expect(startApolloApp(gateway)).rejects.toThrow(/expected the SDL of a federation/);
    expect(hook.cleanups).toBe(1);
  });

  it('can ask whether the subgraphs of a supergraph answer', async () => {
    const { config, hook } = openHook();
    const well = open(config);
    await start(well);
    await expect(hook.options?.healthCheck(supergraphOf(TWO))).resolves.toBeUndefined();
    const ill = openHook();
    await start(
      open({
        ...ill.config,
        buildService: () => ({ process: () => Promise.reject(new Error('not at home')) }),
      }),
    );
    await expect(ill.hook.options?.healthCheck(supergraphOf(TWO))).rejects.toThrow(
      /\[numbers\]: not at home/,
    );
  });

  it('is given the data source of a subgraph, which is made once for each address', async () => {
    const made: string[] = [];
    const { config, hook, update } = openHook();
    const gateway = open({
      ...config,
      buildService: ({ name, url }) => {
        made.push(`${name} ${url ?? ''}`);
        return new LocalGraphQLDataSource(schemaOf(TWO));
      },
    });
    await start(gateway);
    await update(supergraphOf(TWO));
    const source = hook.options?.getDataSource({ name: 'numbers', url: '' });
    expect(hook.options?.getDataSource({ name: 'numbers', url: '' })).toBe(source);
    expect(made).toEqual(['numbers ']);
  });
});

describe('an operation that runs during an update', () => {
  it('ends with the supergraph that it began with', async () => {
    const { config, update } = openHook();
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (answer = resolve));
    let asked = 0;
    const app = await start(
      open({
        ...config,
        buildService: () => ({
          async process() {
            asked += 1;
            await held;
            return { data: { one: 1 } };
          },
        }),
      }),
    );
    const running = app.ask('{ one }');
    await waitFor('the operation has begun', () => asked === 1);
    await update(supergraphOf('type Query { two: Int }'));
    expect((await app.ask('{ one }')).status).toBe(400);
    answer();
    expect((await running).json).toEqual({ data: { one: 1 } });
  });
});

describe('a gateway with serviceHealthCheck', () => {
  it('does not start while a subgraph does not answer', async () => {
    const gateway = open({
      supergraphSdl: supergraphOf(ONE),
      serviceHealthCheck: true,
      buildService: () => ({ process: () => Promise.reject(new Error('not at home')) }),
    });
    await expect(startApolloApp(gateway)).rejects.toThrow(/not at home/);
  });
});
