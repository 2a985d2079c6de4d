import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { openTracing, type OpenedTracing } from '../../../kernel/telemetry/open-tracing.js';
import { continueTrace } from '../../../kernel/telemetry/trace-context.js';
import { serveSmallSubgraph, TRACEPARENT } from '../../support/small-subgraph.js';
import { openTraceCollector, type TraceCollector } from '../../support/trace-collector.js';
import { waitFor } from '../../support/wait-for.js';

let collector: TraceCollector;
let opened: OpenedTracing;
const log: string[] = [];

beforeEach(async () => {
  collector = await openTraceCollector();
  opened = await openTracing({
    // As a collector's address is told, and as the whole of the path is.
    endpoint: `${collector.endpoint}/v1/traces`,
    headers: {},
    serviceName: 'test',
    resourceAttributes: {},
    ratio: 1,
    logger: pino({}, { write: (line: string) => void log.push(line) }),
  });
  log.length = 0;
});

afterEach(async () => {
  await opened.close();
  await collector.close();
});

const step = (name: string) => {
  const span = opened.tracing.serve(continueTrace(undefined), { name });
  span.end();
  return span;
};

describe('tracing', () => {
  it('keeps the id of a trace that begins here, and tells it on with the step', async () => {
    const begun = continueTrace(undefined);
    const span = opened.tracing.serve(begun, { name: 'first' });
    expect(span.trace.traceId).toBe(begun.traceId);
    opened.tracing.begin(span.trace, { name: 'second' }).end();
    span.end();
    await opened.close();
    const [second, first] = collector.spans;
    expect(first).toMatchObject({ name: 'first', traceId: begun.traceId, parentId: '' });
    expect(second).toMatchObject({ name: 'second', traceId: begun.traceId, parentId: first?.spanId });
    expect(span.trace.traceparent).toBe(`00-${begun.traceId}-${String(first?.spanId)}-01`);
  });

  it('gives traces that begin one after the other ids of their own', () => {
    const linked = [1, 2].map(() => opened.tracing.beginLinked(step('it').trace, { name: 'linked' }));
    expect(new Set(linked.map(({ trace }) => trace.traceId)).size).toBe(2);
  });

  it('records nothing below what is not recorded', async () => {
    const unsampled = continueTrace(`00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`);
    const { tracing } = opened;
    for (const span of [
      tracing.serve(unsampled, { name: 'served' }),
      tracing.begin(unsampled, { name: 'begun' }),
      tracing.beginLinked(unsampled, { name: 'linked' }),
    ]) {
      expect(span.trace.traceparent).toMatch(/-00$/);
      span.end();
    }
    await opened.close();
    expect(collector.spans).toEqual([]);
  });

  it('says once that the collector refuses, and that it takes them again', async () => {
    collector.fault = (response) => response.writeHead(400).end();
    for (const name of ['one', 'two']) {
      const before = collector.headers.length;
      step(name);
      await waitFor('it was refused', () => collector.headers.length > before);
    }
    collector.fault = undefined;
    step('three');
    await collector.find('it is taken', ({ name }) => name === 'three');
    await waitFor('it was told', () => log.length === 2);
    expect(log.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
      'the collector of traces does not take them',
      'the collector takes traces again',
    ]);
  });

  it('lets no more spans wait than are set', async () => {
    collector.fault = () => undefined;
    for (let count = 0; count < 20_000; count += 1) step('many');
    await waitFor('the first ones were sent', () => collector.headers.length > 0);
    collector.fault = undefined;
    await opened.close();
    expect(collector.spans.length).toBeLessThanOrEqual(4_096);
  });

  it('has what a subgraph in another process answers below the step that asked', async () => {
    const served = await serveSmallSubgraph({ tracing: opened.tracing });
    const { json } = await served.post({ query: '{ whoAsks }' }, { traceparent: TRACEPARENT });
    expect(json).toEqual({ data: { whoAsks: 'anna 0af7651916cd43dd8448eb211c80319c' } });
    await served.close();
    await opened.close();
    expect(collector.spans).toMatchObject([
      { kind: 2, traceId: '0af7651916cd43dd8448eb211c80319c', parentId: 'b7ad6b7169203331' },
    ]);
  });
});
