import type { SubgraphDeps } from '../../../kernel/graphql/subgraph.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { createFleetLoaders, type FleetLoaders } from './fleet-loaders.js';
import { createGroupMutations, type GroupMutations } from './groups/group-mutations.js';
import { createGroupRegistry, type GroupRegistry } from './groups/registry.js';
import { createLabelRegistry, type LabelRegistryDeps } from './registry.js';
import { createSelections, type Selections } from './selection/registry.js';

/** Many devices at once: how they are chosen, and what is done with all of them. */
export interface Fleet {
  readonly selections: Selections;
  readonly groups: GroupRegistry;
  readonly groupMutations: GroupMutations;
  /** What the resolvers of one request share. */
  createLoaders(workspace: WorkspaceId): FleetLoaders;
}

export interface FleetDeps extends Pick<SubgraphDeps, 'database' | 'log'> {
  /** Told of each device that was changed, once that is committed. */
  readonly onChange: LabelRegistryDeps['onChange'];
}

/** Ties the rooms of the fleet together. */
export function createFleet(deps: FleetDeps): Fleet {
  const selections = createSelections(deps.database);
  const groups = createGroupRegistry(deps);
  return {
    ...{ selections, groups },
    groupMutations: createGroupMutations({ groups, labels: createLabelRegistry(deps) }),
    createLoaders: (workspace) => createFleetLoaders({ groups, selections }, workspace),
  };
}
