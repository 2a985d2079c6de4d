import type { Logger } from '../telemetry/logger.js';

/** Something that is started once and closed once. */
export interface Part {
  readonly name: string;
  start?(): Promise<void>;
  close(): Promise<void>;
}

export interface Lifecycle {
  /** Starts a part now and remembers to close it; on a failure everything started before is closed again. */
  start(part: Part): Promise<void>;
  /** Closes the parts in the reverse order of their start; each gets its share of the deadline. Safe to call twice. */
  close(): Promise<void>;
}

export interface LifecycleOptions {
  readonly logger: Logger;
  /** How long the whole stop may take, in milliseconds. */
  readonly closeDeadlineMs: number;
}

/** Ordered start and stop: a part may rely on everything that was started before it, until it is closed itself. */
export function createLifecycle({ logger, closeDeadlineMs }: LifecycleOptions): Lifecycle {
  const started: Part[] = [];
  let closing: Promise<void> | undefined;

  async function closeAll(): Promise<void> {
    const deadlineAt = Date.now() + closeDeadlineMs;
    for (let part = started.pop(); part; part = started.pop()) {
      const budgetMs = Math.max(100, (deadlineAt - Date.now()) / (started.length + 1));
      await closeOne(part, budgetMs);
    }
  }

  async function closeOne(part: Part, budgetMs: number): Promise<void> {
    try {
      await withDeadline(part.close(), budgetMs, `closing ${part.name}`);
      logger.debug({ part: part.name }, 'closed');
    } catch (error) {
      logger.error({ part: part.name, err: error }, 'did not close cleanly');
    }
  }

  return {
    async start(part) {
      started.push(part);
      try {
        await part.start?.();
        logger.debug({ part: part.name }, 'started');
      } catch (error) {
        await this.close();
        throw error;
      }
    },
    close() {
      closing ??= closeAll();
      return closing;
    },
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
