import type { ResumableSource } from '../../../../kernel/events/resumable-stream.js';
import type { SubgraphDeps } from '../../../../kernel/graphql/subgraph.js';
import { newId } from '../../../../kernel/ids/ids.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import { createDuty } from '../../duties/duty.js';
import { createDutyRegistry } from '../../duties/registry.js';
import type { Units } from '../../profiles/units.js';
import type { StoredTrack, TrackQuery } from '../../readings/metric-tracks.js';
import type { StreamItem } from '../../readings/reading-stream.js';
import type { ProfilesOf } from '../profile-defaults.js';
import { createComputePoints } from './compute-points.js';
import { openFusionStream, type FusionStreamOptions } from './fusion-stream.js';
import type { FusedReadingEventModel, StandingFusionModel } from './models.js';
import { createStandingFusionRegistry, type StandingFusionRegistry } from './registry.js';
import { createFusionRunner } from './runner.js';
import type { FusionSelection } from './standing-fusion.js';
import { createStandingFusionMutations, type StandingFusionMutations } from './standing-mutations.js';

/** All about fusions that are computed as time goes. */
export interface StandingFusions {
  readonly registry: StandingFusionRegistry;
  readonly mutations: StandingFusionMutations;
  openStream(
    workspace: WorkspaceId,
    options: FusionStreamOptions,
  ): AsyncIterableIterator<FusedReadingEventModel>;
  start(): void;
  close(): Promise<void>;
}

export interface StandingFusionsDeps extends Pick<
  SubgraphDeps,
  'database' | 'log' | 'bus' | 'logger' | 'workspaces'
> {
  readonly readTracks: (workspace: WorkspaceId, query: TrackQuery) => Promise<StoredTrack[]>;
  /** The devices of a selection that declare a metric, by their ids, at most `limit`. */
  readonly select: (
    workspace: WorkspaceId,
    selection: FusionSelection & { readonly metric: string },
    limit: number,
  ) => Promise<readonly string[]>;
  readonly openSource: (workspace: WorkspaceId, signal: AbortSignal) => ResumableSource<StreamItem>;
  readonly profilesOf: ProfilesOf;
  readonly units: Pick<Units, 'conversion'>;
  readonly now?: () => number;
  readonly tickMs?: number;
  readonly leaseMs?: number;
}

const DUTY = 'fusions';
const LEASE_MS = 10_000;
/** The most devices that are fused. */
const MAX_DEVICES = 50;

/** Ties this room together. */
export function createStandingFusions(deps: StandingFusionsDeps): StandingFusions {
  const { database, bus, logger, workspaces, select, now = Date.now, leaseMs = LEASE_MS } = deps;
  const registry = createStandingFusionRegistry(deps);
  const duties = createDutyRegistry({ database, name: DUTY, holder: newId('prc'), leaseMs });
  const devicesOf = async (workspace: WorkspaceId, { definition }: StandingFusionModel) => {
    const { deviceIds, selection, metric } = definition;
    return deviceIds ?? select(workspace, { ...selection, metric }, MAX_DEVICES);
  };
  const runners = new Map(
    workspaces.map((workspace) => [
      workspace,
      createFusionRunner({
        ...{ workspace, database, bus, registry, duties, logger, now },
        ...(deps.tickMs === undefined ? {} : { tickMs: deps.tickMs }),
        compute: createComputePoints({ ...deps, workspace, devicesOf }),
        openSource: (signal) => deps.openSource(workspace, signal),
      }),
    ]),
  );
  const work = [...runners].map(([workspace, { perform }]) =>
    createDuty({ ...{ workspace, logger, leaseMs, perform }, name: DUTY, registry: duties }),
  );
  return {
    registry,
    mutations: createStandingFusionMutations({
      ...{ registry, select, now },
      onChange: (workspace) => runners.get(workspace)?.wake(),
    }),
    openStream: (workspace, options) => openFusionStream({ workspace, bus, registry }, options),
    start() {
      for (const duty of work) duty.start();
    },
    async close() {
      await Promise.all(work.map((duty) => duty.close()));
    },
  };
}
