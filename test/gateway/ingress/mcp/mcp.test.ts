import { request } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { readTrustedDocuments, type TrustedDocuments } from '../../../../gateway/access/trusted-documents.js';
import { ERAS, openAgent, type Agent, type OpenAgentOptions } from '../../../support/agent.js';
import {
  API_KEY,
  send,
  serveGateway,
  type ServeGatewayOptions,
  type ServedGateway,
} from '../../../support/gateway-server.js';
import { composeTestSupergraph } from '../../../support/test-gateway.js';
import { waitFor } from '../../../support/wait-for.js';

const served: ServedGateway[] = [];
const agents: Agent[] = [];

afterEach(async () => {
  for (const { client } of agents.splice(0)) await client.close();
  for (const one of served.splice(0)) await one.close();
});

async function serve(options: ServeGatewayOptions = {}): Promise<ServedGateway> {
  const one = await serveGateway(options);
  served.push(one);
  return one;
}

async function connect({ url }: ServedGateway, options: OpenAgentOptions = {}): Promise<Agent> {
  const agent = await openAgent(url, options);
  agents.push(agent);
  return agent;
}

function trust(...bodies: readonly string[]): TrustedDocuments {
  return readTrustedDocuments(
    JSON.stringify(Object.fromEntries(bodies.map((body, at) => [`id${at}`, body]))),
  );
}

const GREET = '# Greets somebody.\nquery Greet($name: String = "you") { hello(name: $name) }';
const PRODUCT = 'query Product($id: ID!) { product(id: $id) { id name units } }';
const SELL = 'mutation Sell($id: ID!) { sell(id: $id) { name } }';
const SOLD = 'subscription Sold { sold { id } }';
const FAILS = 'query Fails { fails hello }';
const STRICT = 'query Strict { strict }';
const SLOW = 'query Slow { slow }';
const TRUSTED = trust(GREET, PRODUCT, SELL, SOLD, FAILS, STRICT, SLOW, 'query Gone { nothing }');
const OWN = ['search_schema', 'describe_type', 'execute_query'];

describe.each(ERAS)('an agent that negotiates %s', (era) => {
  it('finds trusted documents as tools, without subscriptions and what is not valid', async () => {
    const agent = await connect(await serve({ trustedDocuments: TRUSTED }), { era });
    expect(await agent.toolNames()).toEqual([...OWN, 'Greet', 'Product', 'Sell', 'Fails', 'Strict', 'Slow']);
    const { tools } = await agent.client.listTools();
    const [greet, product, sell] = tools.slice(OWN.length);
    expect(greet).toMatchObject({
      description: 'Greets somebody.',
      inputSchema: {
        type: 'object',
        properties: { name: { type: ['string', 'null'], default: 'you' } },
        additionalProperties: false,
      },
      annotations: { readOnlyHint: true },
    });
    expect(product).toMatchObject({ inputSchema: { required: ['id'] } });
    expect(sell).toMatchObject({ annotations: { readOnlyHint: false, destructiveHint: true } });
  });

  it('calls them with their variables, and reads the answer as an object and as text', async () => {
    const agent = await connect(await serve({ trustedDocuments: TRUSTED }), { era });
    const { isError, answer, text } = await agent.call('Product', { id: '2' });
    expect([isError, answer]).toEqual([
      false,
      { data: { product: { id: '2', name: 'product 2', units: 20 } } },
    ]);
    expect(JSON.parse(text)).toEqual(answer);
    expect((await agent.call('Sell', { id: '3' })).answer).toEqual({ data: { sell: { name: 'product 3' } } });
    expect((await agent.call('Greet')).answer).toEqual({ data: { hello: 'hello you' } });
  });

  it('gets errors with their codes, beside the data, and nothing of the inside', async () => {
    const agent = await connect(await serve({ trustedDocuments: TRUSTED }), { era });
    const fails = await agent.call('Fails');
    expect([fails.isError, fails.answer]).toMatchObject([
      true,
      { data: { fails: null, hello: 'hello you' }, errors: [{ path: ['fails'] }] },
    ]);
    expect(fails.text).not.toContain('a secret');
    expect((await agent.call('Strict')).answer.errors[0].extensions).toMatchObject({
      code: 'CONFLICT',
      retryAfterMs: 5,
    });
  });

  it('is told what is wrong with its arguments', async () => {
    const agent = await connect(await serve({ trustedDocuments: TRUSTED }), { era });
    const codeOf = async (name: string, args: Record<string, unknown>) => {
      const { isError, answer } = await agent.call(name, args);
      return [isError, answer.errors[0].extensions.code] as unknown[];
    };
    expect(await codeOf('Product', {})).toEqual([true, 'BAD_USER_INPUT']);
    expect(await codeOf('Product', { id: { a: 1 } })).toEqual([true, 'BAD_USER_INPUT']);
    expect(await codeOf('Product', { id: '1', name: 'x' })).toEqual([true, 'BAD_USER_INPUT']);
    expect(await codeOf('search_schema', { query: '' })).toEqual([true, 'BAD_USER_INPUT']);
    expect(await codeOf('search_schema', { query: 'a', first: 1_000 })).toEqual([true, 'BAD_USER_INPUT']);
    await expect(agent.call('Sold')).rejects.toMatchObject({ code: -32_602, data: { code: 'NOT_FOUND' } });
  });

  it('searches the schema, and reads types', async () => {
    const agent = await connect(await serve(), { era });
    const found = await agent.call('search_schema', { query: 'product units' });
    expect(found.answer.results[0]).toMatchObject({
      coordinate: 'Product.units',
      kind: 'field',
      definition: 'units: Int',
    });
    const { answer, text } = await agent.call('describe_type', { name: 'Product.units' });
    expect([answer.name, text]).toEqual([
      'Product',
      'type Product {\n  id: ID!\n  name: String\n  units: Int\n}',
    ]);
    const wrong = await agent.call('describe_type', { name: 'Products' });
    expect(wrong.answer.errors[0]).toMatchObject({ extensions: { code: 'NOT_FOUND' } });
    expect(wrong.text).toMatch(/Similar: .*Product/);
    expect((await agent.call('describe_type', { name: '__Schema' })).isError).toBe(true);
  });

  it('executes queries of its own, and mutations where it may', async () => {
    const queries = await connect(await serve(), { era });
    const query = 'query ($id: ID!) { product(id: $id) { units } }';
    expect((await queries.call('execute_query', { query, variables: { id: '4' } })).answer).toEqual({
      data: { product: { units: 40 } },
    });
    const codeOf = async (agent: Agent, text: string) =>
      (await agent.call('execute_query', { query: text })).answer.errors[0].extensions as unknown;
    const sell = 'mutation { sell(id: "1") { id } }';
    expect(await codeOf(queries, sell)).toMatchObject({ code: 'FORBIDDEN', reason: 'MUTATIONS_DISABLED' });
    expect(await codeOf(queries, SOLD)).toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(await codeOf(queries, '{ nothing }')).toMatchObject({ code: 'GRAPHQL_VALIDATION_FAILED' });
    const mutations = await connect(await serve({ mcpMutations: true }), { era });
    expect((await mutations.call('execute_query', { query: sell })).answer).toEqual({
      data: { sell: { id: '1' } },
    });
    expect(served[0]?.inside.mutations).toBe(0);
  });

  it('is held to the limits of operations', async () => {
    const agent = await connect(await serve(), { era });
    const query = `{ deep ${'{ a '.repeat(200)}{ b }${' }'.repeat(200)} }`;
    const { isError, answer } = await agent.call('execute_query', { query });
    expect([isError, answer.errors[0].extensions.code]).toEqual([true, 'OPERATION_TOO_COSTLY']);
  });

  it('is held to what operations may cost, with trusted documents, too', async () => {
    const agent = await connect(await serve({ trustedDocuments: TRUSTED, limits: { maxCost: 1 } }), { era });
    expect((await agent.call('Greet')).isError).toBe(false);
    const query = '{ a: product(id: "1") { id } b: product(id: "2") { id } }';
    for (const { answer } of [
      await agent.call('execute_query', { query }),
      await agent.call('Sell', { id: '1' }),
    ])
      expect(answer.errors[0].extensions).toMatchObject({ code: 'OPERATION_TOO_COSTLY', limit: 'cost' });
  });

  it('must have a key where one is asked for, and is known by it', async () => {
    const one = await serve({ apiKeys: API_KEY, mcp: 'on' });
    await expect(connect(one, { era })).rejects.toThrow();
    const agent = await connect(one, { era, headers: { authorization: `Bearer ${API_KEY}` } });
    const { answer } = await agent.call('execute_query', { query: '{ whoAsks }' });
    expect(answer.data.whoAsks).toMatch(/^key-/);
  });

  it('has no schema to search where it may not ask about it', async () => {
    const agent = await connect(await serve({ introspection: 'off', trustedDocuments: TRUSTED }), { era });
    expect(await agent.toolNames()).not.toEqual(expect.arrayContaining(['search_schema']));
    await expect(agent.call('describe_type', { name: 'Query' })).rejects.toMatchObject({ code: -32_602 });
    const refused = await agent.call('execute_query', { query: '{ __schema { types { name } } }' });
    expect(refused.answer.errors[0].extensions.code).toBe('FORBIDDEN');
    expect((await agent.call('execute_query', { query: '{ helo }' })).text).not.toContain('Did you mean');
  });

  it('has trusted documents alone to call in strict mode', async () => {
    const agent = await connect(await serve({ trustedDocuments: TRUSTED, trustedDocumentsMode: 'strict' }), {
      era,
    });
    expect(await agent.toolNames()).not.toContain('execute_query');
    await expect(agent.call('execute_query', { query: '{ hello }' })).rejects.toMatchObject({
      code: -32_602,
    });
    expect((await agent.call('Greet', { name: 'me' })).answer).toEqual({ data: { hello: 'hello me' } });
  });

  it('cancels a call', async () => {
    const one = await serve({ trustedDocuments: TRUSTED, accessLogPercent: 100 });
    const agent = await connect(one, { era });
    const cancel = new AbortController();
    const called = agent.call('Slow', {}, cancel.signal);
    called.catch(() => undefined);
    await waitFor('the subgraph is asked', () => one.inside.waiting === 1);
    cancel.abort();
    await expect(called).rejects.toThrow();
    const line = await waitFor('the operation has ended', () => lineOf(one));
    expect(line).toMatchObject({ name: 'Slow', outcome: 'left' });
  });

  it('is known in the log and in metrics by its name', async () => {
    const one = await serve({ trustedDocuments: TRUSTED, accessLogPercent: 100 });
    const agent = await connect(one, { era });
    await agent.call('Greet');
    expect(lineOf(one)).toMatchObject({
      via: 'mcp',
      name: 'Greet',
      trusted: 'id0',
      client: { name: 'test-agent', version: '1.2.3' },
      outcome: 'ok',
    });
    expect(await one.metrics.metrics()).toContain(
      'aegis_gateway_client_operations_total{operation="Greet",kind="query",client="test-agent",via="mcp",outcome="ok"} 1',
    );
  });

  it('finds the tools and the schema of another supergraph', async () => {
    const one = await serve({ trustedDocuments: TRUSTED });
    const agent = await connect(one, { era });
    expect((await agent.call('search_schema', { query: 'gadget' })).answer.total).toBe(0);
    await one.gateway.swap(
      composeTestSupergraph({ shop: { typeDefs: 'type Query { nothing: Int gadget: String }' } }),
    );
    expect(await agent.toolNames()).toEqual([...OWN, 'Gone']);
    const { answer } = await agent.call('search_schema', { query: 'gadget' });
    expect(answer.results[0].coordinate).toBe('Query.gadget');
  });
});

function lineOf({ log }: ServedGateway): Record<string, unknown> | undefined {
  const lines = log.map((line) => JSON.parse(line) as Record<string, unknown>);
  return lines.find(({ msg }) => msg === 'operation');
}

describe('the endpoint for agents', () => {
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const list = (id: number) => JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/list' });
  const post = ({ url }: ServedGateway, more: Record<string, string> = {}, body = list(1)) =>
    send(`${url}/mcp`, 'POST', { ...headers, ...more }, body);

  it('tells who may not come in how to', async () => {
    const { status, json, headers: told } = await post(await serve({ apiKeys: API_KEY, mcp: 'on' }));
    expect([status, told.get('www-authenticate'), json.errors[0].extensions.code]).toEqual([
      401,
      'Bearer',
      'UNAUTHENTICATED',
    ]);
  });

  it('is there by default for this machine and with trusted documents, and can be switched on and off', async () => {
    const statusOf = async (options: ServeGatewayOptions) =>
      (await post(await serve(options), { authorization: `Bearer ${API_KEY}` })).status;
    expect(await statusOf({})).toBe(200);
    expect(await statusOf({ apiKeys: API_KEY })).toBe(404);
    expect(await statusOf({ apiKeys: API_KEY, trustedDocuments: TRUSTED })).toBe(200);
    expect(await statusOf({ apiKeys: API_KEY, mcp: 'on' })).toBe(200);
    expect(await statusOf({ mcp: 'off' })).toBe(404);
  });

  it('does not answer pages of others, with a key neither', async () => {
    const one = await serve({ apiKeys: API_KEY, mcp: 'on', allowedOrigins: ['https://app.example.com'] });
    const statusOf = async (origin: string) =>
      (await post(one, { authorization: `Bearer ${API_KEY}`, origin })).status;
    expect(await statusOf('https://evil.example.com')).toBe(403);
    expect(await statusOf('https://app.example.com')).toBe(200);
    expect((await post(await serve(), { host: 'evil.example.com' })).status).toBe(403);
  });

  it('takes one message at a time, of a bounded size, by POST', async () => {
    const one = await serve();
    expect((await post(one, {}, `[${list(1)},${list(2)}]`)).status).toBe(400);
    expect((await post(one, {}, 'no json')).status).toBe(400);
    expect((await post(one, {}, JSON.stringify({ a: 'x'.repeat(200_000) }))).status).toBe(413);
    const { accept } = headers;
    expect((await send(`${one.url}/mcp`, 'GET', { accept })).status).toBe(405);
    expect((await send(`${one.url}/mcp`, 'DELETE', { accept })).status).toBe(405);
  });

  it('lets nobody cancel the calls of somebody else', async () => {
    const one = await serve({ trustedDocuments: TRUSTED });
    const agent = await connect(one, { era: 'legacy' });
    const called = agent.call('Slow');
    await waitFor('the subgraph is asked', () => one.inside.waiting === 1);
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled' };
    for (const requestId of [0, 1, 2, 3]) {
      const body = JSON.stringify({ ...cancelled, params: { requestId } });
      expect((await post(one, { 'mcp-session-id': 'another' }, body)).status).toBe(202);
      expect((await post(one, {}, body)).status).toBe(202);
    }
    one.inside.answerSlow('done');
    expect((await called).answer).toEqual({ data: { slow: 'done' } });
  });

  it('cancels what the closed connection of an agent has asked for', async () => {
    const one = await serve({ trustedDocuments: TRUSTED, accessLogPercent: 100 });
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'Slow' } });
    // fetch would open another connection at once.
    const asked = request(`${one.url}/mcp`, { method: 'POST', headers });
    asked.on('error', () => undefined);
    asked.end(body);
    await waitFor('the subgraph is asked', () => one.inside.waiting === 1);
    asked.destroy();
    expect(await waitFor('the operation has ended', () => lineOf(one))).toMatchObject({ outcome: 'left' });
  });

  it('tells an agent that listens of other tools, and lets it go when it stops', async () => {
    const { documents, replace } = replaceable(TRUSTED);
    const one = await serve({ trustedDocuments: documents });
    let told = 0;
    const agent = await connect(one, { onTools: () => (told += 1) });
    replace(trust('query Other { hello }'));
    await waitFor('it is told', () => told === 1);
    expect(await agent.toolNames()).toEqual([...OWN, 'Other']);
    await one.gateway.swap(composeTestSupergraph({ shop: { typeDefs: 'type Query { hello: Int }' } }));
    await waitFor('it is told again', () => told === 2);
    const startedAt = performance.now();
    await one.server.close();
    expect(performance.now() - startedAt).toBeLessThan(900);
  });
});

function replaceable(first: TrustedDocuments) {
  let current = first;
  const listeners = new Set<() => void>();
  const documents: TrustedDocuments = {
    find: (id) => current.find(id),
    findByText: (text) => current.findByText(text),
    list: () => current.list(),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const replace = (next: TrustedDocuments) => {
    current = next;
    for (const listener of listeners) listener();
  };
  return { documents, replace };
}
