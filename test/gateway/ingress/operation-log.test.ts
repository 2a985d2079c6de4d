import { afterEach, describe, expect, it } from '@jest/globals';
import { readTrustedDocuments } from '../../../gateway/access/trusted-documents.js';
import { createBoundedLabels } from '../../../gateway/ingress/bounded-labels.js';
import { askEveryWay } from '../../support/every-way.js';
import { serveGateway, type ServeGatewayOptions, type ServedGateway } from '../../support/gateway-server.js';
import { openStream } from '../../support/stream-reader.js';
import { openSubscriber } from '../../support/subscriber.js';
import { waitFor } from '../../support/wait-for.js';

const open: ServedGateway[] = [];

afterEach(async () => {
  for (const served of open.splice(0)) await served.close();
});

async function serve(options: ServeGatewayOptions = {}): Promise<ServedGateway> {
  const served = await serveGateway({ accessLogPercent: 100, ...options });
  open.push(served);
  return served;
}

/** The lines of the access log so far. */
function linesOf({ log }: ServedGateway): Record<string, unknown>[] {
  const lines = log.map((line) => JSON.parse(line) as Record<string, unknown>);
  return lines.filter(({ msg }) => msg === 'operation');
}

const untilLines = (served: ServedGateway, count: number) =>
  waitFor(`${count} lines are there`, () => linesOf(served).length >= count && linesOf(served));

const CLIENT = { 'apollographql-client-name': 'shop-app', 'apollographql-client-version': '1.2' };

describe('the access log', () => {
  it('has one line for each operation, whichever way it came', async () => {
    const served = await serve();
    await askEveryWay(served, {
      query: 'query Greet($n: String) { hello(name: $n) }',
      variables: { n: 'Ann' },
    });
    const lines = await untilLines(served, 5);
    expect(lines.map(({ via }) => via)).toEqual(['http', 'http', 'websocket', 'sse', 'http']);
    expect(
      lines.map(({ name, kind, outcome }) => `${String(name)} ${String(kind)} ${String(outcome)}`),
    ).toEqual(Array.from({ length: 5 }, () => 'Greet query ok'));
    expect(served.log.join('')).not.toContain('Ann');
  });

  it('names the client, who asked, how long it took, what went wrong and the trace', async () => {
    const served = await serve();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await served.post({ query: 'query Bad { fails hello }' }, { ...CLIENT, traceparent });
    await served.post({ query: '{ nothing }' });
    const [partial, refused] = await untilLines(served, 2);
    expect(partial).toMatchObject({
      name: 'Bad',
      via: 'http',
      client: { name: 'shop-app', version: '1.2' },
      subject: 'anybody',
      workspace: 'default',
      durationMs: expect.any(Number),
      outcome: 'partial',
      codes: ['INTERNAL_SERVER_ERROR'],
      bytes: expect.any(Number),
      traceId: '0af7651916cd43dd8448eb211c80319c',
    });
    expect(refused).toMatchObject({ outcome: 'refused', codes: ['GRAPHQL_VALIDATION_FAILED'] });
  });

  it('tells of a subscription when it is over, with its events', async () => {
    const served = await serve({
      trustedDocuments: readTrustedDocuments('{"s1":"subscription Sold { sold { name } }"}'),
    });
    const subscriber = await openSubscriber(served.webSocketUrl, CLIENT);
    const id = subscriber.subscribe({ query: 'subscription Sold { sold { name } }' });
    const reader = await openStream(`${served.url}/graphql`, {
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: { documentId: 's1' },
    });
    await served.inside.sold.untilReaders(1);
    served.inside.sold.push({ sold: { id: '1' } });
    await subscriber.untilEvents(1);
    await reader.untilEvents(1);
    expect(linesOf(served)).toEqual([]);
    subscriber.say({ id, type: 'complete' });
    reader.leave();
    const lines = await untilLines(served, 2);
    const told = { name: 'Sold', kind: 'subscription', trusted: 's1', outcome: 'ok', events: 1 };
    expect(lines).toMatchObject([told, told]);
    expect(lines.map(({ via }) => via).sort()).toEqual(['sse', 'websocket']);
    expect(lines.find(({ via }) => via === 'websocket')).toMatchObject({ client: { name: 'shop-app' } });
    subscriber.socket.terminate();
  });

  const PARTS = { accept: 'multipart/mixed; deferSpec=20220824' };
  const deferred = (id: string) =>
    `query Later { product(id: "${id}") { id ... @defer { units } ... @defer(label: "b") { name } } }`;

  it.each(['deferSpec=20220824', 'incrementalSpec=v0.2'])(
    'tells of a response in parts when they are over, with what went wrong in them: %s',
    async (spec) => {
      const served = await serve();
      const accept = { accept: `multipart/mixed; ${spec}` };
      await served.post({ query: deferred('2') }, accept);
      await served.post({ query: deferred('0') }, accept);
      const [whole, partial] = await untilLines(served, 2);
      expect(whole).toMatchObject({ name: 'Later', outcome: 'ok' });
      expect(whole).not.toHaveProperty('codes');
      expect(partial).toMatchObject({ outcome: 'partial', codes: ['NOT_FOUND'] });
      const { values } = await served.gateway.metrics.operations.get();
      expect(values.map(({ labels, value }) => [labels.outcome, value])).toEqual([
        ['ok', 1],
        ['partial', 1],
      ]);
    },
  );

  it('tells of a client that has left before the last part', async () => {
    const served = await serve();
    const reader = await openStream(`${served.url}/graphql`, {
      headers: { 'content-type': 'application/json', ...PARTS },
      body: { query: '{ hello ... @defer { slow } }' },
    });
    await waitFor('the part is fetched', () => served.inside.waiting > 0);
    reader.leave();
    const [left] = await untilLines(served, 1);
    expect(left).toMatchObject({ outcome: 'left' });
  });

  it('says nothing when it is off, and takes a sample when it says so', async () => {
    const served = await serve({ accessLogPercent: 0 });
    await served.post({ query: '{ hello }' });
    expect(linesOf(served)).toEqual([]);
  });
});

describe('the metrics of operations', () => {
  it('tell them by name and client', async () => {
    const served = await serve({ maxMetricNames: 1 });
    await served.post({ query: 'query A { hello }' }, CLIENT);
    await served.post({ query: 'query B { hello }' }, { 'graphql-client-name': 'another' });
    await served.post({ query: '{ hello }' });
    const { text } = await waitFor('all are counted', async () => {
      const answer = await served.get('/metrics');
      return answer.text.includes('operation="anonymous"') && answer;
    });
    for (const labels of [
      'operation="A",kind="query",client="shop-app",via="http",outcome="ok"',
      'operation="other",kind="query",client="other",via="http",outcome="ok"',
      'operation="anonymous",kind="query",client="anonymous",via="http",outcome="ok"',
    ]) {
      expect(text).toContain(`aegis_gateway_client_operations_total{${labels}} 1`);
    }
  });

  it('keep the first names only', () => {
    const labelOf = createBoundedLabels(2);
    expect(['a', 'b', 'c', 'a', undefined].map(labelOf)).toEqual(['a', 'b', 'other', 'a', 'anonymous']);
  });
});
