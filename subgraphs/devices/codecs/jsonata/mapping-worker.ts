import type { Worker } from 'node:worker_threads';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { refusePayload } from '../refuse-payload.js';
import type { MappingAnswer, MappingTask } from './mapping-task.js';
import { startMappingThread } from './start-mapping-thread.js';

/** Evaluates mappings in a thread of its own. */
export interface MappingWorker {
  /**
   * Evaluates an expression of JSONata over a document of JSON, both as text; tasks are done one after the other.
   * Undefined when it gives nothing.
   *
   * Errors: BAD_USER_INPUT when it fails, or takes longer than the deadline; RATE_LIMITED when too many wait;
   * UNAVAILABLE when the thread ends, and after close.
   */
  evaluate(expression: string, text: string): Promise<string | undefined>;
  close(): Promise<void>;
}

export interface MappingWorkerOptions {
  /** How long one evaluation may take, in milliseconds, the start of a new thread included. */
  readonly deadlineMs?: number;
  /** Starts the thread; another one in a test that lets it fail. */
  readonly startThread?: () => Worker;
}

interface Job {
  readonly task: MappingTask;
  resolve(text: string | undefined): void;
  reject(error: AegisError): void;
}

/** Behind the limits that the thread itself keeps: for what these do not bound, such as a regular expression. */
const DEADLINE_MS = 2_000;
const MOST_WAITING = 1_000;
const RETRY_AFTER_MS = 1_000;

/** A worker whose thread starts with the first mapping, and anew with the next one after it has failed. */
export function createMappingWorker(options: MappingWorkerOptions = {}): MappingWorker {
  const { deadlineMs = DEADLINE_MS, startThread = startMappingThread } = options;
  const waiting: Job[] = [];
  let thread: Worker | undefined;
  let current: { readonly job: Job; readonly timer: NodeJS.Timeout } | undefined;
  let newestId = 0;
  let closed = false;

  function startAnew(): Worker {
    const started = startThread();
    // It ends with the process: nobody waits for a mapping then.
    started.unref();
    started.on('message', (answer: MappingAnswer) => {
      if (thread !== started || answer.id !== current?.job.task.id) return;
      settle((job) => {
        if ('fault' in answer)
          job.reject(refusePayload(`the mapping of the profile failed: ${answer.fault}`));
        else job.resolve(answer.text);
      });
    });
    const lose = () => {
      if (thread !== started) return;
      thread = undefined;
      // Memory is its only way to end by itself: what needs too much of it is not tried again.
      settle((job) => {
        job.reject(refusePayload('the mapping of the profile needs more memory than a mapping may have'));
      });
    };
    started.on('error', lose);
    started.on('exit', lose);
    return started;
  }

  /** Ends the task at hand and begins the next one. */
  function settle(finish: (job: Job) => void): void {
    if (!current) return;
    const { job, timer } = current;
    clearTimeout(timer);
    current = undefined;
    finish(job);
    begin();
  }

  function begin(): void {
    const job = current ? undefined : waiting.shift();
    if (!job) return;
    const timer = setTimeout(() => {
      const stuck = thread;
      thread = undefined;
      void stuck?.terminate();
      settle((one) => {
        one.reject(refusePayload(`the mapping of the profile took longer than ${deadlineMs} ms`));
      });
    }, deadlineMs);
    current = { job, timer };
    thread ??= startAnew();
    thread.postMessage(job.task);
  }

  return {
    evaluate(expression, text) {
      if (closed) return Promise.reject(stopped());
      if (waiting.length >= MOST_WAITING) return Promise.reject(tooMany());
      const id = (newestId += 1);
      return new Promise((resolve, reject) => {
        waiting.push({ task: { id, expression, text }, resolve, reject });
        begin();
      });
    },
    async close() {
      closed = true;
      const ended = thread;
      thread = undefined;
      for (const job of waiting.splice(0)) job.reject(stopped());
      settle((job) => {
        job.reject(stopped());
      });
      await ended?.terminate();
    },
  };
}

function stopped(): AegisError {
  return new AegisError(
    'UNAVAILABLE',
    'telemetry: the subgraph is being stopped; send it again in a moment.',
    {
      retryAfterMs: RETRY_AFTER_MS,
    },
  );
}

function tooMany(): AegisError {
  const message = `telemetry: ${MOST_WAITING} others wait for their mapping already; send it again in a moment.`;
  return new AegisError('RATE_LIMITED', message, { retryAfterMs: RETRY_AFTER_MS });
}
