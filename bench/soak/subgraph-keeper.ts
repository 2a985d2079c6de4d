import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SoakSubgraphTasks } from '../processes/soak-subgraph.js';
import { forkTasks, type TaskProcess } from '../support/tasks.js';

/** Subgraphs as processes, some of which are killed now and then. */
export interface SubgraphKeeper {
  /** Where each is, by name, also while it is not running. */
  readonly urls: ReadonlyMap<string, string>;
  /** How often one was killed. */
  readonly kills: number;
  /** Kills one at a time and starts it again, until the signal. */
  disturb(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

const CALM_MS = { least: 4_000, most: 15_000 };
/** Below those that systems give to connections that go out: a subgraph that was killed finds its port free again. */
const PORTS = { least: 20_000, most: 32_000 };
const START_ATTEMPTS = 10;
const DOWN_MS = { least: 200, most: 4_000 };

export async function startSubgraphs(names: readonly string[]): Promise<SubgraphKeeper> {
  const ports = new Map<string, number>();
  for (const name of names) ports.set(name, await findQuietPort());
  const running = new Map<string, TaskProcess<SoakSubgraphTasks>>();
  let kills = 0;

  async function start(name: string, attempt = 1): Promise<void> {
    const subgraph = forkTasks<SoakSubgraphTasks>('soak-subgraph.ts');
    running.set(name, subgraph);
    try {
      await subgraph.call('serve', { name, port: ports.get(name) ?? 0 });
    } catch (error) {
      await subgraph.stop();
      if (attempt === START_ATTEMPTS) throw error;
      await sleep(DOWN_MS.least);
      await start(name, attempt + 1);
    }
  }

  await Promise.all(names.map(start));
  return {
    urls: new Map([...ports].map(([name, port]) => [name, `http://127.0.0.1:${port}/graphql`])),
    get kills() {
      return kills;
    },
    async disturb(signal) {
      while (!signal.aborted) {
        if (!(await pause(between(CALM_MS), signal))) return;
        const name = names[Math.floor(Math.random() * names.length)];
        if (name === undefined) return;
        await running.get(name)?.stop();
        kills += 1;
        await pause(between(DOWN_MS), signal);
        await start(name);
      }
    },
    async close() {
      await Promise.all([...running.values()].map((subgraph) => subgraph.stop()));
    },
  };
}

async function findQuietPort(): Promise<number> {
  for (;;) {
    const port = Math.floor(between(PORTS));
    const server = createServer().listen(port, '127.0.0.1');
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** A number between two, each as likely as the others. */
export function between({ least, most }: { readonly least: number; readonly most: number }): number {
  return least + Math.random() * (most - least);
}

/** Waits, and not longer than until the signal. @returns whether there was none. */
export async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
  return !signal.aborted;
}
