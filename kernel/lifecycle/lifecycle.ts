import type { Logger } from '../telemetry/logger.js';

/** Something that is started once and closed once. */
export interface Part {
  readonly name: string;
  start?(): Promise<void>;
  /** Called as well when `start` failed half-way, to free what it had taken. */
  close(): Promise<void>;
}

/** The parts of a process. */
export interface Lifecycle {
  /**
   * Starts a part now and remembers to close it. When it fails, it and everything started before are closed again.
   * Errors: what the part threw; one of its own when the stop has already begun.
   */
  start(part: Part): Promise<void>;
  /** Closes the parts in the reverse order of their start; each gets its share of the deadline. Safe to call twice. */
  close(): Promise<void>;
}

export interface LifecycleOptions {
  readonly logger: Logger;
  /** How long the whole stop may take, in milliseconds. */
  readonly closeDeadlineMs: number;
}

interface StartedPart {
  readonly part: Part;
  /** Settles, without an error, when its start has succeeded or failed. */
  readonly settled: Promise<void>;
}

/** Ordered start and stop: a part may rely on everything that was started before it, until it is closed itself. */
export function createLifecycle({ logger, closeDeadlineMs }: LifecycleOptions): Lifecycle {
  const started: StartedPart[] = [];
  let closing: Promise<void> | undefined;

  function close(): Promise<void> {
    closing ??= closeAll();
    return closing;
  }

  async function closeAll(): Promise<void> {
    const deadlineAt = Date.now() + closeDeadlineMs;
    for (let one = started.pop(); one; one = started.pop()) {
      const budgetMs = Math.max(100, (deadlineAt - Date.now()) / (started.length + 1));
      await closeOne(one, budgetMs);
    }
  }

  async function closeOne({ part, settled }: StartedPart, budgetMs: number): Promise<void> {
    const startedAt = Date.now();
    // A part that is stopped while it starts gets half of its time to come to its senses first.
    await withDeadline(settled, budgetMs / 2, `starting ${part.name}`).catch(() => undefined);
    try {
      await withDeadline(part.close(), budgetMs - (Date.now() - startedAt), `closing ${part.name}`);
      logger.debug({ part: part.name }, 'closed');
    } catch (error) {
      logger.error({ part: part.name, err: error }, 'did not close cleanly');
    }
  }

  return {
    async start(part) {
      if (closing) throw new Error(`${part.name} was not started: the process is stopping`);
      const starting = Promise.resolve(part.start?.());
      started.push({ part, settled: starting.catch(() => undefined) });
      try {
        await starting;
        logger.debug({ part: part.name }, 'started');
      } catch (error) {
        await close();
        throw error;
      }
    },
    close,
  };
}

/** Waits for work, but no longer than the deadline; the error names what was waited for. */
export async function withDeadline<T>(work: Promise<T>, deadlineMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${what} took longer than ${Math.round(deadlineMs)} ms`));
    }, deadlineMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
