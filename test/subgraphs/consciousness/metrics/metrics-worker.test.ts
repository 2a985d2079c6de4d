import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '../../../../kernel/telemetry/logger.js';
import {
  createMetricsWorker,
  type MetricsWorker,
  type MetricsWorkerOptions,
} from '../../../../subgraphs/consciousness/metrics/metrics-worker.js';
import { measureWindow } from '../../../../subgraphs/consciousness/metrics/window-metrics.js';
import { createRandom, noise } from '../support/waves.js';

const OPTIONS = { lag: 1, surrogates: 19, seed: 1 };
const logger = createLogger({ level: 'silent', pretty: false });
const running: MetricsWorker[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((worker) => worker.close()));
});

function create(options: Partial<MetricsWorkerOptions> = {}): MetricsWorker {
  const worker = createMetricsWorker({ logger, ...options });
  running.push(worker);
  return worker;
}

function signals(seed: number): Float64Array[] {
  const random = createRandom(seed);
  return [noise(64, random), noise(64, random), noise(64, random)];
}

/** A thread that does this with each message. */
const threadOf = (code: string) => () =>
  new Worker(`const { parentPort } = require('node:worker_threads'); ${code}`, { eval: true });

describe('the thread that measures', () => {
  it('answers each window with its own numbers, the same as in this thread', async () => {
    const worker = create();
    const answers = await Promise.all([1, 2, 3].map((seed) => worker.measure(signals(seed), OPTIONS)));
    const computedInMs = expect.any(Number);
    expect(answers).toEqual(
      [1, 2, 3].map((seed) => ({ ...measureWindow(signals(seed), OPTIONS), computedInMs })),
    );
  });

  it('tells of what cannot be measured, and goes on', async () => {
    const worker = create();
    await expect(worker.measure(signals(1), { ...OPTIONS, surrogates: 3 })).rejects.toThrow('at least 19');
    expect((await worker.measure(signals(1), OPTIONS)).missing).toEqual([]);
  });

  it('refuses what waits when it fails, and is started anew for the next window', async () => {
    let starts = 0;
    const crashing = threadOf("parentPort.on('message', () => { throw new Error('broken'); });");
    const answering = threadOf(
      "parentPort.on('message', ({ id }) => parentPort.postMessage({ id, metrics: {} }));",
    );
    const worker = create({ startThread: () => ((starts += 1) === 1 ? crashing() : answering()) });
    const both = [worker.measure(signals(1), OPTIONS), worker.measure(signals(2), OPTIONS)];
    for (const one of await Promise.allSettled(both))
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE' } });
    expect(await worker.measure(signals(3), OPTIONS)).toEqual({});
    expect(starts).toBe(2);
  });

  it('is ended when it takes longer than the deadline', async () => {
    const silent = threadOf("parentPort.on('message', () => { for (;;); });");
    const worker = create({ deadlineMs: 50, startThread: silent });
    await expect(worker.measure(signals(1), OPTIONS)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('50 ms'),
    });
  });

  it('lets 64 wait and refuses more', async () => {
    const silent = threadOf("parentPort.on('message', () => {});");
    const worker = create({ startThread: silent });
    const waiting = Array.from({ length: 64 }, () => worker.measure(signals(1), OPTIONS));
    const settled = Promise.allSettled(waiting);
    await expect(worker.measure(signals(1), OPTIONS)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await worker.close();
    expect((await settled).every(({ status }) => status === 'rejected')).toBe(true);
  });

  it('measures nothing after it was closed', async () => {
    const worker = create();
    await worker.close();
    await expect(worker.measure(signals(1), OPTIONS)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
