import type { Worker } from 'node:worker_threads';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { AnswerMessage, PlanningResults, PlanningTask, TaskMessage } from './planning-task.js';
import { toError } from './planning-problem.js';

/** Tasks that wait for the planning thread. */
export interface PlanningQueue {
  /**
   * Errors: what the task throws; UNAVAILABLE when too many plans wait, when the thread stopped twice at the task, or when
   * the queue is closed; OPERATION_TOO_COSTLY when it takes longer than it may.
   */
  run<Kind extends PlanningTask['kind']>(task: PlanningTask & { kind: Kind }): Promise<PlanningResults[Kind]>;
  close(): Promise<void>;
}

export interface PlanningQueueOptions {
  readonly startThread: () => Worker;
  /** What a new thread must do first, so that it knows what the one before knew. */
  readonly reopen: () => readonly PlanningTask[];
  /** How many plans wait at most. */
  readonly maxWaiting: number;
  /** How long one plan may take, in milliseconds. */
  readonly planTimeoutMs: number;
  /** How long reading and composing a supergraph may take, in milliseconds. */
  readonly readTimeoutMs: number;
  /** Told when the thread stopped by itself, or was stopped. */
  readonly onStop: (reason: string) => void;
}

interface Job {
  readonly task: PlanningTask;
  readonly resolve: (result: PlanningResults[PlanningTask['kind']]) => void;
  readonly reject: (error: Error) => void;
  /** How often a thread stopped at it. */
  stops: number;
}

/** A thread and what it was sent: the next task is there when one is done. */
interface Running {
  readonly worker: Worker;
  readonly sent: { readonly id: number; readonly job: Job }[];
  clock: NodeJS.Timeout | undefined;
}

/** How many tasks the thread has at a time: the one that it does, and the next. */
const SENT_AHEAD = 2;
/** At how many stops of the thread a task counts as their cause. */
const MAX_STOPS = 2;

/** Makes an empty queue. The thread starts with the first task, and keeps no process alive that has none. */
export function createPlanningQueue(options: PlanningQueueOptions): PlanningQueue {
  const waiting: Job[] = [];
  let running: Running | undefined;
  let lastId = 0;
  let closed = false;

  function pump(): void {
    if (closed) return;
    while (waiting.length > 0 && (running?.sent.length ?? 0) < SENT_AHEAD) {
      const job = waiting.shift();
      if (!job) break;
      running ??= openThread(options, { onAnswer, onStop });
      lastId += 1;
      running.sent.push({ id: lastId, job });
      post(running.worker, lastId, job.task);
      if (running.sent.length === 1) watch(running);
    }
    if (running && running.sent.length === 0) running.worker.unref();
  }

  /** The clock of the task that the thread does now. */
  function watch(thread: Running): void {
    clearTimeout(thread.clock);
    const [head] = thread.sent;
    if (!head) return;
    thread.worker.ref();
    const plans = head.job.task.kind === 'plan';
    const timeoutMs = plans ? options.planTimeoutMs : options.readTimeoutMs;
    thread.clock = setTimeout(() => {
      thread.sent.shift();
      head.job.reject(describeTimeout(plans, timeoutMs));
      onStop(thread, `a task took longer than ${timeoutMs} ms`);
      void thread.worker.terminate();
    }, timeoutMs);
  }

  function onAnswer(thread: Running, message: AnswerMessage): void {
    // The thread answers in order; 0 is what it was told at its start.
    if (thread !== running || message.id === 0) return;
    const head = thread.sent.shift();
    if ('problem' in message) head?.job.reject(toError(message.problem));
    else head?.job.resolve(message.result);
    watch(thread);
    pump();
  }

  function onStop(thread: Running, reason: string): void {
    if (thread !== running) return;
    running = undefined;
    clearTimeout(thread.clock);
    if (closed) return;
    options.onStop(reason);
    const [head, ...others] = thread.sent.map(({ job }) => job);
    waiting.unshift(...others);
    if (head) retry(head, reason);
    pump();
  }

  function retry(job: Job, reason: string): void {
    job.stops += 1;
    if (job.stops < MAX_STOPS) waiting.unshift(job);
    else
      job.reject(new AegisError('UNAVAILABLE', `the planner stopped ${job.stops} times at this: ${reason}.`));
  }

  async function close(): Promise<void> {
    closed = true;
    const thread = running;
    clearTimeout(thread?.clock);
    const left = [...(thread?.sent.map(({ job }) => job) ?? []), ...waiting.splice(0)];
    for (const job of left) job.reject(describeClose());
    await thread?.worker.terminate();
  }

  return {
    close,
    run<Kind extends PlanningTask['kind']>(task: PlanningTask & { kind: Kind }) {
      if (closed) return Promise.reject(describeClose());
      if (task.kind === 'plan' && waiting.length >= options.maxWaiting) {
        return Promise.reject(describeFull(options.maxWaiting));
      }
      return new Promise<PlanningResults[Kind]>((resolve, reject) => {
        // What comes of a task is of its kind.
        waiting.push({ task, resolve: resolve as Job['resolve'], reject, stops: 0 });
        pump();
      });
    },
  };
}

function openThread(
  { startThread, reopen }: PlanningQueueOptions,
  listener: {
    readonly onAnswer: (thread: Running, message: AnswerMessage) => void;
    readonly onStop: (thread: Running, reason: string) => void;
  },
): Running {
  const worker = startThread();
  const thread: Running = { worker, sent: [], clock: undefined };
  worker.on('message', (message: AnswerMessage) => {
    listener.onAnswer(thread, message);
  });
  worker.on('error', (error) => {
    listener.onStop(thread, error.message);
  });
  worker.on('exit', (code) => {
    listener.onStop(thread, `it ended with code ${code}`);
  });
  for (const task of reopen()) post(worker, 0, task);
  return thread;
}

function post(worker: Worker, id: number, task: PlanningTask): void {
  worker.postMessage({ id, task } satisfies TaskMessage);
}

function describeTimeout(plans: boolean, timeoutMs: number): AegisError {
  return plans
    ? new AegisError(
        'OPERATION_TOO_COSTLY',
        `expected an operation that is planned within ${timeoutMs} ms, but this one took longer. Ask for less at a time.`,
      )
    : new AegisError('UNAVAILABLE', `the supergraph was not read within ${timeoutMs} ms.`);
}

function describeFull(maxWaiting: number): AegisError {
  return new AegisError(
    'UNAVAILABLE',
    `${maxWaiting} operations wait for their plans already. Try again later.`,
    {
      retryAfterMs: 1_000,
    },
  );
}

function describeClose(): AegisError {
  return new AegisError('UNAVAILABLE', 'the gateway is stopping.');
}
