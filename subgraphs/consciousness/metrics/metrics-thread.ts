/* The thread that measures windows, so that nothing else waits for it. Started by start-metrics-thread.ts. */
import { parentPort } from 'node:worker_threads';
import type { MetricsAnswer, MetricsTask } from './metrics-task.js';
import { measureWindow } from './window-metrics.js';

function answer({ id, signals, options }: MetricsTask): MetricsAnswer {
  try {
    return { id, metrics: measureWindow(signals, options) };
  } catch (error) {
    return { id, fault: String(error) };
  }
}

parentPort?.on('message', (task: MetricsTask) => {
  parentPort?.postMessage(answer(task));
});
