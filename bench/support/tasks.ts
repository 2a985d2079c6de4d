import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Work that a process of its own does when it is told to, so that it takes no time of the one that is measured. */
export interface TaskProcess<Tasks extends TaskTable> {
  readonly pid: number;
  /** Errors: what the task threw, as text; past the deadline; when the process ends. */
  call<Name extends keyof Tasks & string>(
    name: Name,
    argument: Parameters<Tasks[Name]>[0],
    deadlineMs?: number,
  ): Promise<Awaited<ReturnType<Tasks[Name]>>>;
  stop(): Promise<void>;
}

/** What a process can be told to do; arguments and results are plain JSON values. */
export type TaskTable = Readonly<Record<string, (argument: never) => unknown>>;

interface Call {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

type Answer = { readonly id: number } & ({ readonly result: unknown } | { readonly error: string });

const DEADLINE_MS = 60_000;

/**
 * Starts `bench/processes/<file>`, which calls {@link serveTasks}.
 *
 * @param env what it has in its environment beside what this process has.
 */
export function forkTasks<Tasks extends TaskTable>(
  file: string,
  env: Readonly<Record<string, string>> = {},
): TaskProcess<Tasks> {
  const path = fileURLToPath(new URL(`../processes/${file}`, import.meta.url));
  const child = fork(path, { env: { ...process.env, ...env } });
  const waiting = new Map<number, (answer: Answer) => void>();
  let calls = 0;
  child.on('message', (answer: Answer) => waiting.get(answer.id)?.(answer));
  child.once('exit', (code, signal) => {
    for (const [id, settle] of waiting) settle({ id, error: `${file} ended with ${code ?? signal ?? '?'}` });
  });

  function answerTo(call: Call, deadlineMs: number): Promise<Answer> {
    return new Promise((settle) => {
      const timer = setTimeout(() => {
        finish({ id: call.id, error: `${call.name} took longer than ${deadlineMs} ms` });
      }, deadlineMs);
      const finish = (answer: Answer) => {
        clearTimeout(timer);
        waiting.delete(call.id);
        settle(answer);
      };
      waiting.set(call.id, finish);
      child.send(call, (error) => {
        if (error) finish({ id: call.id, error: error.message });
      });
    });
  }

  return {
    pid: child.pid ?? 0,
    async call<Name extends keyof Tasks & string>(
      name: Name,
      argument: Parameters<Tasks[Name]>[0],
      deadlineMs = DEADLINE_MS,
    ): Promise<Awaited<ReturnType<Tasks[Name]>>> {
      const answer = await answerTo({ id: (calls += 1), name, argument }, deadlineMs);
      if ('error' in answer) throw new Error(`${file}: ${answer.error}`);
      return answer.result as Awaited<ReturnType<Tasks[Name]>>;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    },
  };
}

/** Does what the process that forked this one asks for, until it goes away. */
export function serveTasks(tasks: TaskTable): void {
  process.on('message', (call: Call) => {
    void answer(tasks, call).then((result) => process.send?.(result));
  });
  process.once('disconnect', () => process.exit(0));
}

async function answer(tasks: TaskTable, { id, name, argument }: Call): Promise<Answer> {
  try {
    const task = tasks[name] as ((argument: unknown) => unknown) | undefined;
    if (!task) throw new Error(`expected one of ${Object.keys(tasks).join(', ')}, got ${name}`);
    return { id, result: await task(argument) };
  } catch (error) {
    return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
