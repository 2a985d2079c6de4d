import { Counter, Gauge, Histogram } from 'prom-client';
import { describe, expect, it } from '@jest/globals';
import { createProcessSource, type ProcessReading } from '../../../cli/probe/process-source.js';
import { createMetrics } from '../../../kernel/telemetry/metrics.js';

function openSource() {
  const metrics = createMetrics();
  const registers = [metrics];
  return {
    source: createProcessSource(metrics),
    operations: new Counter({
      ...{ name: 'aegis_gateway_operations_total', help: 'x', labelNames: ['kind'], registers },
    }),
    sockets: new Gauge({ name: 'aegis_gateway_sockets', help: 'x', registers }),
    seconds: new Histogram({ name: 'aegis_gateway_operation_seconds', help: 'x', registers }),
  };
}

/** The same reading, so many milliseconds later. */
const later = (reading: ProcessReading, byMs: number) => ({ ...reading, readAtMs: reading.readAtMs + byMs });

describe('what a process costs', () => {
  it('is told as a device, with a value for each of its metrics', async () => {
    const { source } = openSource();
    const before = await source.read();
    const values = source.measure({ before, after: await source.read(), timerDelayMs: 0 });
    expect(Object.keys(values)).toEqual(source.device.metrics.map(({ name }) => name));
    expect(Object.values(values).every((value) => Number.isFinite(value) && value >= 0)).toBe(true);
    expect(values['memory-resident']).toBeGreaterThan(1_000_000);
  });

  it('is what the metrics counted in the interval, over all of their labels', async () => {
    const { source, operations, sockets, seconds } = openSource();
    operations.inc({ kind: 'query' }, 100);
    const before = await source.read();
    operations.inc({ kind: 'query' }, 6);
    operations.inc({ kind: 'mutation' }, 4);
    sockets.set(3);
    seconds.observe(0.01);
    seconds.observe(0.03);
    const after = later({ ...(await source.read()), readAtMs: before.readAtMs }, 2_000);
    expect(source.measure({ before, after, timerDelayMs: 0 })).toMatchObject({
      requests: 5,
      sockets: 3,
      'request-time': 20,
      readings: 0,
    });
  });
});
