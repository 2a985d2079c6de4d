import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';

/** The texts of files by their path from the root. */
export type GeneratedFiles = ReadonlyMap<string, string>;

/** Reads all files below a folder; their paths then begin with `name`. */
export async function readTree(folder: string, name: string): Promise<GeneratedFiles> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = await Promise.all(
    paths
      .sort()
      .map(async (path) => [join(name, relative(folder, path)), await readFile(path, 'utf8')] as const),
  );
  return new Map(texts);
}

/** The files whose text on disk is another or that are not there; undefined stands for one that should not be there. */
export async function findStale(
  root: string,
  files: GeneratedFiles,
): Promise<ReadonlyMap<string, string | undefined>> {
  const stale = new Map<string, string | undefined>();
  for (const [path, text] of files) {
    const current = await readFile(join(root, path), 'utf8').catch(() => undefined);
    if (current !== text) stale.set(path, text);
  }
  for (const folder of new Set([...files.keys()].flatMap(generatedFolders))) {
    const present = await readTree(join(root, folder), folder).catch(() => new Map<string, string>());
    for (const path of present.keys()) if (!files.has(path)) stale.set(path, undefined);
  }
  return stale;
}

/** The folder named `generated` that a file is in: all of its files come from the generator. */
function generatedFolders(path: string): string[] {
  const folder = dirname(path);
  if (folder === '.') return [];
  return basename(folder) === 'generated' ? [folder] : generatedFolders(folder);
}

/** Writes the files and the folders that they need, and removes the files whose text is undefined. */
export async function writeFiles(
  root: string,
  files: ReadonlyMap<string, string | undefined>,
): Promise<void> {
  for (const [path, text] of files) {
    if (text === undefined) {
      await rm(join(root, path));
      continue;
    }
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}
