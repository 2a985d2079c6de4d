import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** The folder of all subgraphs, beside this one: in the sources as well as in the build. */
export const SUBGRAPHS_FOLDER = fileURLToPath(new URL('../subgraphs', import.meta.url));

/** The subgraphs of this installation: every folder of `subgraphs/`, by name. */
export async function listSubgraphNames(): Promise<string[]> {
  const entries = await readdir(SUBGRAPHS_FOLDER, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}
