import { mkdir, rm, stat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { resolve } from 'node:path';

/** Another process works on the data folder: two embedded databases on one folder would destroy it. */
class DataFolderInUse extends Error {
  override readonly name = 'DataFolderInUse';
}

/**
 * Takes a data folder for this process, until it ends in whichever way or gives the folder back.
 *
 * The lock is a socket that this process listens on: unlike a file with a process id, it cannot outlive the process. Its
 * name is the folder's identity on its disk, whatever path leads there. It holds on one machine, not across machines
 * that share a folder.
 */
export async function lockDataFolder(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { dev, ino } = await stat(folder, { bigint: true });
  const path = lockPath(`aegis-data-${dev}-${ino}`);
  const server = (await listen(path)) ?? (await takeOver(path, folder));
  server.unref();
  return () =>
    new Promise((done) => {
      server.close(() => {
        done();
      });
    });
}

/** Where the system has sockets that are no files (Linux's abstract ones, Windows' pipes), nothing is ever left behind. */
function lockPath(name: string): string {
  if (process.platform === 'linux') return `\0${name}`;
  return process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : `/tmp/${name}.sock`;
}

/** A socket that is a file may be that of a process which is gone. */
async function takeOver(path: string, folder: string): Promise<Server> {
  if (!path.startsWith('/') || (await answers(path))) {
    throw new DataFolderInUse(
      `expected to be alone on the data folder ${resolve(folder)}, but another Aegis runs on it. Stop that one, or choose another folder with --data.`,
    );
  }
  await rm(path, { force: true });
  const server = await listen(path);
  if (server) return server;
  throw new DataFolderInUse(`another Aegis took the data folder ${resolve(folder)} at the same moment.`);
}

function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolveServer, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolveServer(undefined);
      else reject(error);
    });
    server.listen(path, () => {
      resolveServer(server);
    });
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolveAnswer) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolveAnswer(true);
    });
    socket.once('error', () => {
      resolveAnswer(false);
    });
  });
}
