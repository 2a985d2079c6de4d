import { execFile } from 'node:child_process';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { runProgram, serverUser, type RunningProgram } from './child-process.js';
import { findProgram } from './find-program.js';
import { findFreePort } from './free-port.js';
import { waitFor } from './wait-for.js';

/** A Postgres server of the tests' own, with nothing in it. */
export interface PostgresServer {
  /** A connection URL of its superuser. */
  readonly url: string;
  /** Breaks it off and starts it again on the same data and port. */
  restart(): Promise<void>;
  /** Stops it and removes its data. */
  close(): Promise<void>;
}

const run = promisify(execFile);

/** Starts a throw-away server: in a temporary folder, and without waiting for the disk. */
export async function startPostgresServer(): Promise<PostgresServer> {
  const postgres = findProgram('postgres');
  if (postgres === undefined) throw new Error('expected the program postgres: apt-get install postgresql');
  const user = serverUser();
  const folder = await mkdtemp(join(tmpdir(), 'aegis-postgres-'));
  if (user.uid !== undefined && user.gid !== undefined) await chown(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const initdb = findProgram('initdb') ?? join(dirname(postgres), 'initdb');
  await run(initdb, ['-D', data, '-U', 'aegis', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'], {
    ...user,
    cwd: folder,
  });
  const port = await findFreePort();
  const url = `postgresql://aegis@127.0.0.1:${port}/postgres`;
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
  };
  const args = [
    '-D',
    data,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];

  async function start(): Promise<RunningProgram> {
    const program = runProgram(postgres ?? '', args, { ...user, cwd: folder });
    try {
      await waitFor('Postgres answers', () => answers(url, program), { deadlineMs: 20_000, everyMs: 50 });
    } catch (error) {
      await program.stop();
      throw new Error(`Postgres did not start: ${program.output()}`, { cause: error });
    }
    return program;
  }

  let program = await start();
  return {
    url,
    async restart() {
      await program.stop('SIGQUIT');
      program = await start();
    },
    async close() {
      await program.stop('SIGQUIT');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answers(url: string, program: RunningProgram): Promise<boolean> {
  if (program.hasEnded()) return true;
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
  client.on('error', () => undefined);
  await client.connect();
  await client.end();
  return true;
}
