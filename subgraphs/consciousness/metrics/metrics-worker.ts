import type { Worker } from 'node:worker_threads';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import type { MeasuredWindow, MetricsAnswer } from './metrics-task.js';
import { startMetricsThread } from './start-metrics-thread.js';
import type { WindowOptions } from './window-metrics.js';

/** Measures windows in a thread of its own. */
export interface MetricsWorker {
  /**
   * Measures one window, one after the other.
   *
   * Errors: UNAVAILABLE when too many wait, when it takes longer than the deadline, when the thread fails, and after close.
   */
  measure(signals: readonly Float64Array[], options: WindowOptions): Promise<MeasuredWindow>;
  close(): Promise<void>;
}

export interface MetricsWorkerOptions {
  readonly logger: Logger;
  /** How long one window may take, waiting included, in milliseconds. */
  readonly deadlineMs?: number;
  /** Starts the thread; another one in a test that lets it fail. */
  readonly startThread?: () => Worker;
}

interface Waiting {
  resolve(metrics: MeasuredWindow): void;
  reject(error: Error): void;
}

const DEADLINE_MS = 10_000;
const MOST_WAITING = 64;
const RETRY_AFTER_MS = 1_000;

/** A worker whose thread starts with the first window, and anew with the next one after it has failed. */
export function createMetricsWorker(options: MetricsWorkerOptions): MetricsWorker {
  const { logger, deadlineMs = DEADLINE_MS, startThread = startMetricsThread } = options;
  const waiting = new Map<number, Waiting>();
  let thread: Worker | undefined;
  let closed = false;
  let newestId = 0;

  function startAnew(): Worker {
    const started = startThread();
    // It ends with the process: nobody waits for a measurement then.
    started.unref();
    started.on('message', ({ id, metrics, fault }: MetricsAnswer) => {
      const one = waiting.get(id);
      if (metrics) one?.resolve(metrics);
      else one?.reject(new Error(`measuring a window failed: ${fault}`));
    });
    started.on('error', (error) => {
      logger.error(
        { err: error },
        'the thread that measures the network failed; the next window starts it anew',
      );
      fail(started, 'its thread failed');
    });
    started.on('exit', () => {
      fail(started, 'its thread ended');
    });
    return started;
  }

  /** Refuses everything that waits for a thread which will not answer. */
  function fail(failed: Worker, reason: string): void {
    if (thread !== failed) return;
    thread = undefined;
    for (const { reject } of [...waiting.values()]) reject(refuse(reason));
  }

  async function stop(reason: string): Promise<void> {
    const stopping = thread;
    if (!stopping) return;
    fail(stopping, reason);
    await stopping.terminate();
  }

  return {
    measure(signals, window) {
      if (closed) return Promise.reject(refuse('the subgraph is being stopped'));
      if (waiting.size >= MOST_WAITING) return Promise.reject(refuse(`${MOST_WAITING} others wait already`));
      const id = (newestId += 1);
      return new Promise<MeasuredWindow>((resolve, reject) => {
        const timer = setTimeout(() => {
          void stop(`it took longer than ${deadlineMs} ms`);
        }, deadlineMs);
        const settle = () => {
          clearTimeout(timer);
          waiting.delete(id);
        };
        waiting.set(id, {
          resolve: (metrics) => {
            settle();
            resolve(metrics);
          },
          reject: (error) => {
            settle();
            reject(error);
          },
        });
        thread ??= startAnew();
        thread.postMessage({ id, signals, options: window });
      });
    },
    async close() {
      closed = true;
      await stop('the subgraph is being stopped');
    },
  };
}

function refuse(reason: string): AegisError {
  return new AegisError('UNAVAILABLE', `the network could not be measured: ${reason}. Ask again.`, {
    retryAfterMs: RETRY_AFTER_MS,
  });
}
