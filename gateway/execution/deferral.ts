import { untilAborted } from '../../kernel/lifecycle/until-aborted.js';
import type { DeferredStep } from './compile-plan.js';
import { createProblems, type Problems } from './problems.js';

/** A part of a response that comes later. */
export interface RunningPart {
  /** Resolves when its fetches have ended. Errors: when the client has left, and bugs. */
  readonly done: Promise<void>;
  /** What went wrong in it. */
  readonly problems: Problems;
}

/** The deferred parts of one run, each of which begins when the fetches that it depends on have ended. */
export interface Deferral {
  /** By label; a part inside another one is there when that one has begun. */
  readonly parts: ReadonlyMap<string, RunningPart>;
  /** A fetch of the plan has ended. */
  arrived(id: string): void;
  /**
   * @param earlier what has gone wrong for the part that it is inside of.
   * @param run runs its fetches.
   */
  begin(step: DeferredStep, earlier: Problems, run: (problems: Problems) => Promise<void>): void;
}

interface Awaited {
  remaining: number;
  readonly arrived: Promise<void>;
  readonly resolve: () => void;
}

/**
 * Nothing has begun.
 *
 * @param fetches how many steps of the plan there are for each fetch that something depends on.
 */
export function createDeferral(fetches: ReadonlyMap<string, number>, signal: AbortSignal): Deferral {
  const parts = new Map<string, RunningPart>();
  const awaited = new Map<string, Awaited>();
  for (const [id, remaining] of fetches) awaited.set(id, openAwaited(remaining));

  async function runWhenReady(
    { depends }: DeferredStep,
    problems: Problems,
    run: (problems: Problems) => Promise<void>,
  ): Promise<void> {
    const arrivals = depends.flatMap((id) => awaited.get(id)?.arrived ?? []);
    if (arrivals.length > 0) await untilAborted(Promise.all(arrivals), signal);
    await run(problems);
  }

  return {
    parts,
    arrived(id) {
      const fetch = awaited.get(id);
      if (!fetch) return;
      fetch.remaining -= 1;
      if (fetch.remaining === 0) fetch.resolve();
    },
    begin(step, earlier, run) {
      const problems = createProblems(earlier);
      const done = runWhenReady(step, problems, run);
      // It may end before anybody asks, or when nobody asks any more.
      done.catch(() => undefined);
      parts.set(step.label, { done, problems });
    },
  };
}

function openAwaited(remaining: number): Awaited {
  let resolve: () => void = () => undefined;
  const arrived = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { remaining, arrived, resolve };
}
