/* The thread that measures windows, so that nothing else waits for it. Started by start-metrics-thread.ts. */
import { performance } from 'node:perf_hooks';
import { parentPort } from 'node:worker_threads';
import type { MetricsAnswer, MetricsTask } from './metrics-task.js';
import { measureWindow } from './window-metrics.js';

function answer({ id, signals, options }: MetricsTask): MetricsAnswer {
  try {
    const beganAt = performance.now();
    const metrics = measureWindow(signals, options);
    return { id, metrics: { ...metrics, computedInMs: performance.now() - beganAt } };
  } catch (error) {
    return { id, fault: String(error) };
  }
}

parentPort?.on('message', (task: MetricsTask) => {
  parentPort?.postMessage(answer(task));
});
