import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { runProgram, serverUser, type RunningProgram } from './child-process.js';
import { findProgram } from './find-program.js';
import { findFreePort } from './free-port.js';
import { waitFor } from './wait-for.js';

/** A Redis of the tests' own. */
export interface RedisServer {
  /** Such as `redis://127.0.0.1:6379`. */
  readonly url: string;
  /** Ends the program; the address stays. */
  stop(): Promise<void>;
  /** Starts it again at the same address, with nothing in it. */
  start(): Promise<void>;
  /** Has it take commands without answering them, for so many milliseconds. */
  hang(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** Starts a throw-away server that keeps nothing on disk. */
export async function startRedisServer(): Promise<RedisServer> {
  const path = findProgram('redis-server');
  if (path === undefined) throw new Error('expected the program redis-server: apt-get install redis-server');
  const user = serverUser();
  const folder = await mkdtemp(join(tmpdir(), 'aegis-redis-'));
  if (user.uid !== undefined && user.gid !== undefined) await chown(folder, user.uid, user.gid);
  const port = await findFreePort();
  const url = `redis://127.0.0.1:${port}`;
  let program: RunningProgram | undefined;

  async function withClient<T>(work: (client: Redis) => Promise<T>): Promise<T> {
    const client = new Redis(url, { lazyConnect: true, disconnectTimeout: 50, retryStrategy: () => null });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await work(client);
    } finally {
      client.disconnect();
    }
  }

  async function start(): Promise<void> {
    const args = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      folder,
    ];
    const running = runProgram(path ?? '', args, { ...user, cwd: folder });
    program = running;
    await waitFor(
      'Redis answers',
      async () => running.hasEnded() || (await withClient((client) => client.ping())),
    );
    if (running.hasEnded()) throw new Error(`Redis did not start: ${running.output()}`);
  }

  const server: RedisServer = {
    url,
    start,
    stop: async () => program?.stop(),
    async hang(ms) {
      await withClient((client) => client.call('CLIENT', 'PAUSE', String(ms), 'ALL'));
    },
    async close() {
      await program?.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await start();
  } catch (error) {
    await server.close();
    throw error;
  }
  return server;
}
