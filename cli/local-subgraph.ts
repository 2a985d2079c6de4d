import { join } from 'node:path';
import type { DocumentNode } from 'graphql';
import type { Subgraph, SubgraphDeps, SubgraphDoor } from '../kernel/graphql/subgraph.js';
import { loadTypeDefs } from '../kernel/graphql/load-type-defs.js';
import type { Lifecycle } from '../kernel/lifecycle/lifecycle.js';
import { settingsOfDoor } from './subgraph-doors.js';

export interface LocalSubgraphOptions {
  readonly deps: SubgraphDeps;
  /** The process's settings, the subgraph's own among them. */
  readonly settings: object;
  readonly root: string;
  readonly lifecycle: Lifecycle;
}

export interface RunningSubgraph {
  readonly subgraph: Subgraph;
  readonly typeDefs: DocumentNode;
}

/** Makes a subgraph and starts it in this process. */
export async function startSubgraph(
  door: SubgraphDoor,
  { deps, settings, root, lifecycle }: LocalSubgraphOptions,
): Promise<RunningSubgraph> {
  const own = settingsOfDoor(door, settings as Record<string, unknown>);
  const subgraph = door.create({ ...deps, logger: deps.logger.child({ subgraph: door.name }) }, own);
  const typeDefs = await loadTypeDefs(join(root, 'schema'), door.name);
  await lifecycle.start({
    name: `subgraph ${door.name}`,
    start: () => subgraph.start(),
    close: () => subgraph.close(),
  });
  return { subgraph, typeDefs };
}
