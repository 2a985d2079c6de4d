import type { SubgraphDeps } from '../../../kernel/graphql/subgraph.js';
import { newId } from '../../../kernel/ids/ids.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Units } from '../profiles/units.js';
import { createImportExecutor, type ImportExecutorDeps } from './bulk/import-executor.js';
import { createRegisterDevices, type RegisterDevices } from './bulk/register-devices.js';
import { createImportRegistry } from './bulk/registry.js';
import { createFleetLoaders, type FleetLoaders } from './fleet-loaders.js';
import { createGroupMutations, type GroupMutations } from './groups/group-mutations.js';
import { createGroupRegistry, type GroupRegistry } from './groups/registry.js';
import type { RunEventModel } from './models.js';
import { createLabelRegistry, type LabelRegistryDeps } from './registry.js';
import { createRolloutRegistry, type RolloutRegistry } from './rollouts/registry.js';
import { createRolloutExecutor, type SetDesired } from './rollouts/rollout-executor.js';
import { createRolloutMutations, type RolloutMutations } from './rollouts/rollout-mutations.js';
import { createRunRegistry, type RunRegistry } from './runs/registry.js';
import { createRunAnnouncer, openRunStream } from './runs/run-stream.js';
import { createRunWorker } from './runs/run-worker.js';
import { createSelections, type Selections } from './selection/registry.js';

/** Many devices at once: how they are chosen, and what is done with all of them. */
export interface Fleet {
  readonly selections: Selections;
  readonly groups: GroupRegistry;
  readonly groupMutations: GroupMutations;
  readonly runs: RunRegistry;
  readonly registerDevices: RegisterDevices;
  readonly rollouts: RolloutRegistry;
  readonly rolloutMutations: RolloutMutations;
  /** Says that somebody has changed a run, and has it looked at. */
  readonly wakeRun: (workspace: WorkspaceId, id: string) => void;
  readonly openRunStream: (
    workspace: WorkspaceId,
    options: { readonly id: string; readonly after: string | undefined },
  ) => Promise<AsyncIterableIterator<RunEventModel>>;
  /** What the resolvers of one request share. */
  createLoaders(workspace: WorkspaceId): FleetLoaders;
  start(): Promise<void>;
  close(): Promise<void>;
}

export interface FleetDeps extends Pick<SubgraphDeps, 'database' | 'log' | 'bus' | 'logger' | 'workspaces'> {
  /** Told of each device that was changed, once that is committed. */
  readonly onChange: LabelRegistryDeps['onChange'];
  readonly registry: ImportExecutorDeps['registry'];
  readonly profiles: ImportExecutorDeps['profiles'];
  readonly units: Units;
  readonly setDesired: SetDesired;
}

/** Ties the rooms of the fleet together. */
export function createFleet(deps: FleetDeps): Fleet {
  const { database, bus, workspaces, logger } = deps;
  const selections = createSelections(database);
  const groups = createGroupRegistry(deps);
  const runs = createRunRegistry(database);
  const imports = createImportRegistry({ ...deps, runs });
  const rollouts = createRolloutRegistry({ ...deps, runs });
  const announce = createRunAnnouncer(bus);
  const worker = createRunWorker({
    ...{ registry: runs, workspaces, announce, logger },
    executors: [
      createImportExecutor({ ...deps, imports }),
      createRolloutExecutor({ rollouts, setDesired: deps.setDesired }),
    ],
    owner: newId('prc'),
    alone: database.kind === 'embedded',
  });
  const wakeRun = (workspace: WorkspaceId, id: string) => {
    announce(workspace, id);
    worker.wake();
  };
  return {
    ...{ selections, groups, runs, rollouts, wakeRun },
    rolloutMutations: createRolloutMutations({ rollouts, wakeRun }),
    groupMutations: createGroupMutations({ groups, labels: createLabelRegistry(deps) }),
    registerDevices: createRegisterDevices({ imports, units: deps.units, wake: worker.wake }),
    openRunStream: (workspace, options) =>
      openRunStream({ bus, find: async (of, id) => (await runs.findByIds(of, [id]))[0] }, workspace, options),
    createLoaders: (workspace) =>
      createFleetLoaders({ groups, selections, runs, imports, rollouts }, workspace),
    start: worker.start,
    close: worker.close,
  };
}
