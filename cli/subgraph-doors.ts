import type { SubgraphDoor } from '../kernel/graphql/subgraph.js';
import { importFrom, listSubgraphNames } from './subgraph-names.js';

/** The doors of all subgraphs, by name: a folder of `subgraphs/` with a `subgraph.ts` is one, and nothing else lists them. */
export async function loadSubgraphDoors(): Promise<SubgraphDoor[]> {
  const doors: SubgraphDoor[] = [];
  // One after the other: they share most of what they import.
  for (const name of await listSubgraphNames()) doors.push(await loadDoor(name));
  return doors;
}

export async function loadDoor(name: string): Promise<SubgraphDoor> {
  const module = await importFrom<{ subgraph?: SubgraphDoor }>(name, 'subgraph');
  if (module.subgraph?.name !== name) {
    throw new Error(`expected subgraphs/${name}/subgraph.ts to export a \`subgraph\` with the name ${name}`);
  }
  return module.subgraph;
}

/** A subgraph's own settings out of the table of `loadSubgraphSettings`. */
export function settingsOfDoor(door: SubgraphDoor, joined: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(Object.keys(door.settings).map((key) => [key, joined[`${door.name}.${key}`]]));
}
