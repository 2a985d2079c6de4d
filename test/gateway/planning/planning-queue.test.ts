import { afterEach, describe, expect, it } from '@jest/globals';
import { Worker } from 'node:worker_threads';
import { createPlanningQueue, type PlanningQueueOptions } from '../../../gateway/planning/planning-queue.js';
import type { PlanningTask } from '../../../gateway/planning/planning-task.js';

/** A thread that answers a plan with its text, and does as the text says. */
const THREAD = `
  const { parentPort } = require('node:worker_threads');
  const opened = [];
  parentPort.on('message', ({ id, task }) => {
    if (task.kind === 'open') opened.push(task.supergraph);
    if (task.text === 'stop') process.exit(7);
    if (task.text === 'throw') throw new Error('out of order');
    if (task.text === 'hang') for (;;);
    parentPort.postMessage({ id, result: task.text === 'opened' ? JSON.stringify(opened) : task.text });
  });`;

const queues: { close(): Promise<void> }[] = [];
afterEach(() => Promise.all(queues.splice(0).map((queue) => queue.close())));

function open(options: Partial<PlanningQueueOptions> = {}) {
  const stops: string[] = [];
  let started = 0;
  const queue = createPlanningQueue({
    startThread: () => {
      started += 1;
      return new Worker(THREAD, { eval: true, stderr: true });
    },
    reopen: () => [],
    maxWaiting: 10,
    planTimeoutMs: 5_000,
    readTimeoutMs: 5_000,
    onStop: (reason) => stops.push(reason),
    ...options,
  });
  queues.push(queue);
  const plan = (text: string) => queue.run({ kind: 'plan', supergraph: 1, text, overrides: [] });
  return { queue, plan, stops, started: () => started };
}

describe('the queue of the planning thread', () => {
  it('starts a thread with its first task, and gives each its own answer', async () => {
    const { plan, started } = open();
    expect(started()).toBe(0);
    const texts = Array.from({ length: 8 }, (_one, index) => `plan ${index}`);
    expect(await Promise.all(texts.map(plan))).toEqual(texts);
    expect(started()).toBe(1);
  });

  it('refuses more plans than may wait, and tells when to try again', async () => {
    const { plan } = open({ maxWaiting: 3 });
    const taken = Array.from({ length: 5 }, () => plan('a'));
    await expect(plan('a')).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: 1_000 });
    expect(await Promise.all(taken)).toHaveLength(5);
    expect(await plan('a')).toBe('a');
  });

  it.each([
    ['stop', 'it ended with code 7'],
    ['throw', 'out of order'],
  ])('goes on with another thread when a task makes it %s', async (text, reason) => {
    const known: PlanningTask[] = [4, 9].map((supergraph) => ({ kind: 'open', supergraph, sdl: '' }));
    const { plan, stops, started } = open({ reopen: () => known });
    const deadly = plan(text);
    const others = ['a', 'b', 'c'].map(plan);
    await expect(deadly).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining(reason),
    });
    expect(await Promise.all(others)).toEqual(['a', 'b', 'c']);
    expect(stops).toEqual([reason, reason]);
    expect(started()).toBe(3);
    expect(await plan('opened')).toBe('[4,9]');
  });

  it('gives up a plan that takes too long, and none of those behind it', async () => {
    const { plan, started } = open({ planTimeoutMs: 300 });
    const long = plan('hang');
    const others = ['a', 'b', 'c'].map(plan);
    await expect(long).rejects.toMatchObject({ code: 'OPERATION_TOO_COSTLY' });
    expect(await Promise.all(others)).toEqual(['a', 'b', 'c']);
    expect(started()).toBe(2);
  });

  it('fails what waits when it is closed, and stops the thread', async () => {
    const { queue, plan } = open();
    const waiting = [plan('hang'), plan('a'), plan('b')].map((one) => one.catch((error: unknown) => error));
    await queue.close();
    for (const error of await Promise.all(waiting)) expect(error).toMatchObject({ code: 'UNAVAILABLE' });
    await expect(plan('a')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('tries anew with the next task when no thread can be started', async () => {
    const { plan, stops } = open({
      startThread: () => new Worker('syntax error', { eval: true, stderr: true }),
    });
    await expect(plan('a')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(stops).toHaveLength(2);
    await expect(plan('b')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
