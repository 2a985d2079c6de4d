import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where Debian puts servers, which are not on everybody's PATH. */
const USUAL_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/sbin', '/usr/bin', '/usr/local/bin'];
const POSTGRES_FOLDER = '/usr/lib/postgresql';

/** The full path of a program, or undefined when this machine does not have it. */
export function findProgram(name: string): string | undefined {
  const folders = [
    ...listPostgresFolders(),
    ...(process.env['PATH'] ?? '').split(delimiter),
    ...USUAL_FOLDERS,
  ];
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

/** Debian keeps each version of Postgres in a folder of its own; the newest comes first. */
function listPostgresFolders(): readonly string[] {
  try {
    return readdirSync(POSTGRES_FOLDER)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(POSTGRES_FOLDER, version, 'bin'));
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
