import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The subgraphs of this installation: every folder of `subgraphs/`, by name. */
export async function listSubgraphNames(root: string): Promise<string[]> {
  const entries = await readdir(join(root, 'subgraphs'), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}
