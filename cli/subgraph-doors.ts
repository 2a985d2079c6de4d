import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { SettingsTable } from '../kernel/config/settings.js';
import type { SubgraphDoor } from '../kernel/graphql/subgraph.js';
import { listSubgraphNames, SUBGRAPHS_FOLDER } from './subgraph-names.js';

/** The doors of all subgraphs: a folder of `subgraphs/` with a `subgraph.ts` is one, and nothing else lists them. */
export async function loadSubgraphDoors(): Promise<SubgraphDoor[]> {
  return Promise.all((await listSubgraphNames()).map(loadDoor));
}

async function loadDoor(name: string): Promise<SubgraphDoor> {
  const file = join(SUBGRAPHS_FOLDER, name, `subgraph${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`);
  const module = (await import(pathToFileURL(file).href)) as { subgraph?: SubgraphDoor };
  if (module.subgraph?.name !== name) {
    throw new Error(`expected subgraphs/${name}/subgraph.ts to export a \`subgraph\` with the name ${name}`);
  }
  return module.subgraph;
}

/** The settings of some subgraphs in one table; each reads its own part of it. */
export function joinSettings(doors: readonly SubgraphDoor[]): SettingsTable {
  return Object.fromEntries(
    doors.flatMap((door) =>
      Object.entries(door.settings).map(([key, setting]) => [`${door.name}.${key}`, setting] as const),
    ),
  );
}

/** A subgraph's own settings out of the table of {@link joinSettings}. */
export function settingsOfDoor(door: SubgraphDoor, joined: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(Object.keys(door.settings).map((key) => [key, joined[`${door.name}.${key}`]]));
}
