import { createHash } from 'node:crypto';
import type { Worker } from 'node:worker_threads';
import { LRUCache } from 'lru-cache';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import { refusePayload } from '../refuse-payload.js';
import { createFairQueue } from './fair-queue.js';
import type { MappingAnswer, MappingTask } from './mapping-task.js';
import { startMappingThread } from './start-mapping-thread.js';

/** Evaluates mappings in a thread of its own. */
export interface MappingWorker {
  /**
   * Evaluates an expression of JSONata over a document of JSON, both as text; one after the other, in an order that gives
   * each expression its share of the thread's time. Undefined when it gives nothing.
   *
   * Errors: BAD_USER_INPUT when it fails, or has used up the thread for the third time with the same document;
   * UNAVAILABLE when it has used it up (beyond the deadline, or its memory) before that, as it may have been the machine
   * that was busy, when the thread does not start, and after close; RATE_LIMITED when too many wait.
   */
  evaluate(expression: string, text: string): Promise<string | undefined>;
  close(): Promise<void>;
}

export interface MappingWorkerOptions {
  /** How long one evaluation may take, in milliseconds, from when the thread has come to it. */
  readonly deadlineMs?: number;
  /** How long it may take until the thread has come to it, in milliseconds: a new one must start. */
  readonly startDeadlineMs?: number;
  /** Starts the thread; another one in a test that lets it fail. */
  readonly startThread?: () => Worker;
  /** Told of threads that end. */
  readonly logger?: Pick<Logger, 'warn'>;
}

interface Job {
  readonly task: MappingTask;
  resolve(text: string | undefined): void;
  reject(error: AegisError): void;
}

interface CurrentJob {
  readonly job: Job;
  /** When the thread came to it, by `performance.now()`; undefined before. */
  begunAtMs: number | undefined;
  timer: NodeJS.Timeout;
}

/** Behind the limits that the thread itself keeps: for what these do not bound, such as a regular expression. */
const DEADLINE_MS = 2_000;
const START_DEADLINE_MS = 30_000;
const MOST_WAITING = { capacity: 2_000, laneCapacity: 1_000 };
const RETRY_AFTER_MS = 1_000;
/** With so many exhaustions of the thread by the same mapping of the same document it is the mapping, not the machine. */
const MOST_EXHAUSTIONS = 3;
const REMEMBERED = { max: 1_000, ttl: 600_000 };

/** A worker whose thread starts with the first mapping, and anew with the next one after it has failed. */
export function createMappingWorker(options: MappingWorkerOptions = {}): MappingWorker {
  const { deadlineMs = DEADLINE_MS, startDeadlineMs = START_DEADLINE_MS } = options;
  const { startThread = startMappingThread, logger } = options;
  const waiting = createFairQueue<Job>(MOST_WAITING);
  const judge = createJudge();
  let thread: Worker | undefined;
  let current: CurrentJob | undefined;
  let newestId = 0;
  let closed = false;
  const endAfter = (ms: number, why: string) => setTimeout(end, ms, why);

  function startAnew(): Worker {
    const started = startThread();
    listen(started, {
      onAnswer(answer) {
        if (thread === started && answer.id === current?.job.task.id) take(answer, current);
      },
      onEnd(why, error) {
        if (thread === started) end(why, error);
      },
    });
    return started;
  }

  function take(answer: MappingAnswer, at: CurrentJob): void {
    if ('isBegun' in answer) {
      clearTimeout(at.timer);
      at.begunAtMs = performance.now();
      at.timer = endAfter(deadlineMs, `takes longer than ${deadlineMs} ms`);
      return;
    }
    settle((job) => {
      if ('fault' in answer) job.reject(refusePayload(`the mapping of the profile failed: ${answer.fault}`));
      else job.resolve(answer.text);
    });
  }

  /** The thread has ended, or must: what it had begun has used it up, and without that it cannot start. */
  function end(why: string, error?: unknown): void {
    void thread?.terminate();
    thread = undefined;
    const hasBegun = current?.begunAtMs !== undefined;
    logger?.warn({ err: error, why, hasBegun }, 'the thread of mappings has ended');
    // Where it cannot start, the others need not try one by one.
    if (current && !hasBegun) for (const job of waiting.clear()) job.reject(notStarted());
    settle(rejectWith(current && hasBegun ? judge(current.job.task, why) : notStarted()));
  }

  /** Ends the task at hand and begins the next one. */
  function settle(finish: (job: Job) => void): void {
    if (!current) return;
    const { job, timer, begunAtMs } = current;
    clearTimeout(timer);
    current = undefined;
    if (begunAtMs !== undefined) waiting.charge(job.task.expression, performance.now() - begunAtMs);
    finish(job);
    begin();
  }

  function begin(): void {
    const job = current ? undefined : waiting.take()?.item;
    if (!job) return;
    current = { job, timer: endAfter(startDeadlineMs, 'does not begin'), begunAtMs: undefined };
    thread ??= startAnew();
    thread.postMessage(job.task);
  }

  return {
    evaluate(expression, text) {
      if (closed) return Promise.reject(stopped());
      const id = (newestId += 1);
      return new Promise((resolve, reject) => {
        const isAdded = waiting.add(expression, { task: { id, expression, text }, resolve, reject });
        if (isAdded) begin();
        else reject(tooMany());
      });
    },
    async close() {
      closed = true;
      const ended = thread;
      thread = undefined;
      for (const job of waiting.clear()) job.reject(stopped());
      settle(rejectWith(stopped()));
      await ended?.terminate();
    },
  };
}

const rejectWith = (error: AegisError) => (job: Job) => {
  job.reject(error);
};

interface ThreadListener {
  onAnswer(answer: MappingAnswer): void;
  /** It has ended by itself. `why` goes on from «the mapping». */
  onEnd(why: string, error?: unknown): void;
}

function listen(started: Worker, { onAnswer, onEnd }: ThreadListener): void {
  // It ends with the process: nobody waits for a mapping then.
  started.unref();
  started.on('message', onAnswer);
  started.on('error', (error) => {
    onEnd(isOutOfMemory(error) ? 'needs more memory than it may have' : 'ends its thread', error);
  });
  started.on('exit', () => {
    onEnd('ends its thread');
  });
}

/** Tells whether what has used up the thread may be sent again: a busy machine may have been the cause, at first. */
function createJudge(): (task: MappingTask, why: string) => AegisError {
  const exhaustions = new LRUCache<string, number>(REMEMBERED);
  return ({ expression, text }, why) => {
    const key = createHash('sha256')
      .update(JSON.stringify([expression, text]))
      .digest('base64');
    const count = (exhaustions.get(key) ?? 0) + 1;
    exhaustions.set(key, count);
    if (count >= MOST_EXHAUSTIONS) return refusePayload(`the mapping of the profile ${why}`);
    return unavailable(`the mapping of the profile ${why}`);
  };
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
}

const stopped = () => unavailable('the subgraph is being stopped');
const notStarted = () => unavailable('mappings cannot be evaluated at present');

function unavailable(why: string): AegisError {
  return new AegisError('UNAVAILABLE', `telemetry: ${why}; send it again in a moment.`, {
    retryAfterMs: RETRY_AFTER_MS,
  });
}

function tooMany(): AegisError {
  const message = 'telemetry: too many others wait for their mapping already; send it again in a moment.';
  return new AegisError('RATE_LIMITED', message, { retryAfterMs: RETRY_AFTER_MS });
}
