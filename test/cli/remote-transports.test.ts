import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createRemoteTransports } from '../../cli/remote-transports.js';
import { settings as gatewaySettings } from '../../gateway/config.js';
import type { Transport } from '../../gateway/transports/transport.js';
import { readSettings } from '../../kernel/config/settings.js';
import { createLogger } from '../../kernel/telemetry/logger.js';
import { createMetrics } from '../../kernel/telemetry/metrics.js';
import { serveForeignSubgraph, type ForeignSubgraph } from '../support/foreign-subgraph.js';
import { subgraphOperation } from '../support/subgraph-operation.js';
import { anyContext } from '../support/test-gateway.js';

let subgraph: ForeignSubgraph;
const transports: Transport[] = [];

beforeEach(async () => {
  subgraph = await serveForeignSubgraph('constructor', {
    typeDefs: 'type Query { hello: String } type Subscription { never: Int }',
    resolvers: { Query: { hello: () => 'hello' } },
  });
});
afterEach(async () => {
  await Promise.all(transports.splice(0).map((transport) => transport.close()));
  await subgraph.close();
});

/** The transport of a process with these settings. */
function openTransport(env: Record<string, string>, knowsWhoAsks = true): Transport {
  const settings = {
    ...readSettings(gatewaySettings, { flags: {}, env }),
    handOverSecret: 'a-secret-for-tests-of-at-least-32-characters',
  };
  const open = createRemoteTransports(settings, {
    headerRules: undefined,
    logger: createLogger({ level: 'silent', pretty: false }),
    metrics: createMetrics(),
    lookupFor: () => undefined,
    mayKnowWhoAsks: () => knowsWhoAsks,
  });
  const transport = open(subgraph);
  transports.push(transport);
  return transport;
}

const ask = (transport: Transport) =>
  transport.execute({
    operation: subgraphOperation('{ hello }'),
    variables: {},
    context: anyContext(),
    signal: new AbortController().signal,
  });

/** What the subgraph was last told of who asks. */
const told = () => subgraph.requests.at(-1)?.headers.authorization;

describe('the transports of a process', () => {
  it('reach a subgraph that is called like what every object has', async () => {
    expect(await ask(openTransport({}))).toEqual({ data: { hello: 'hello' } });
    const others = openTransport({ AEGIS_SUBGRAPH_SUBSCRIPTIONS: '{"stock": "sse"}' });
    expect(await ask(others)).toEqual({ data: { hello: 'hello' } });
  });

  it('tell who asks in a token for that subgraph, where it may know', async () => {
    await ask(openTransport({}));
    const [, claims = ''] = told()?.split('.') ?? [];
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
      aud: 'aegis-subgraph:constructor',
    });
    await ask(openTransport({}, false));
    expect(told()).toBeUndefined();
  });
});
