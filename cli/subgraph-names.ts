import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The folder of all subgraphs, beside this one: in the sources as well as in the build. */
const SUBGRAPHS_FOLDER = fileURLToPath(new URL('../subgraphs', import.meta.url));

/** The subgraphs of this installation: every folder of `subgraphs/`, by name. */
export async function listSubgraphNames(): Promise<string[]> {
  const entries = await readdir(SUBGRAPHS_FOLDER, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** Loads a module of a subgraph's folder: the source or the built file, like this one. */
export async function importFrom<Module>(name: string, module: 'config' | 'subgraph'): Promise<Module> {
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return (await import(pathToFileURL(join(SUBGRAPHS_FOLDER, name, module + ending)).href)) as Module;
}
