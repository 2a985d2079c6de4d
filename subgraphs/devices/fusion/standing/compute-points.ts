import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { ERROR_CODES } from '../../../../kernel/errors/codes.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { Units } from '../../profiles/units.js';
import type { StoredTrack, TrackQuery } from '../../readings/metric-tracks.js';
import { fuseTracks } from '../fuse-tracks.js';
import { checkAmount, checkComputed, toOneUnit, type DeclaredTrack } from '../prepare-tracks.js';
import { withProfileDefaults, type ProfilesOf } from '../profile-defaults.js';
import type { StandingFusionModel, StoredPoint } from './models.js';
import type { FusionProgress } from './registry.js';
import { optionsOf } from './standing-fusion.js';

export interface ComputePointsDeps {
  readonly workspace: WorkspaceId;
  readonly readTracks: (workspace: WorkspaceId, query: TrackQuery) => Promise<StoredTrack[]>;
  /** The devices of a fusion as they are now. */
  readonly devicesOf: (workspace: WorkspaceId, fusion: StandingFusionModel) => Promise<readonly string[]>;
  readonly profilesOf: ProfilesOf;
  readonly units: Pick<Units, 'conversion'>;
  /** The most readings of one computation, in equal shares for its devices. */
  readonly maxReadings?: number;
}

/** What is due of a fusion, without what is counted beside it. */
export interface ComputedPoints extends Omit<FusionProgress, 'lateInputs'> {
  /** Its devices as they were then; none where they could not be told. */
  readonly deviceIds: readonly string[];
}

/** Computes the next points of a fusion that are due; undefined when none is. */
export type ComputePoints = (
  fusion: StandingFusionModel,
  nowMs: number,
) => Promise<ComputedPoints | undefined>;

const MAX_READINGS = 200_000;
/** The most points of one computation: more are computed in turns. */
const MAX_POINTS = 500;
const HOUR_MS = 3_600_000;

/**
 * Makes the computation of standing fusions. The readings come from storage, so that a point has all that was committed
 * by its time; what a filter carries comes from where the last point was written. So points that were not computed while
 * no process was there are computed as if one had been, with what came late for them too. Only what retention would
 * remove at once is skipped.
 */
export function createComputePoints(deps: ComputePointsDeps): ComputePoints {
  const { workspace, readTracks, devicesOf, profilesOf, units, maxReadings = MAX_READINGS } = deps;

  async function compute(
    fusion: StandingFusionModel,
    fromMs: number,
    count: number,
  ): Promise<ComputedPoints> {
    const { definition } = fusion;
    const { metric, stepMs } = definition;
    const toMs = fromMs + count * stepMs;
    const deviceIds = await devicesOf(workspace, fusion);
    if (deviceIds.length === 0) return advance(fusion, { fromMs, toMs }, 'none of its devices is there');
    const config = withProfileDefaults(definition.config, metric, await profilesOf(workspace, deviceIds));
    const options = optionsOf(definition, deviceIds, config);
    const limit = Math.floor(maxReadings / deviceIds.length);
    const stored = await readTracks(workspace, {
      ...{ deviceIds, metric },
      fromMs: fromMs - options.maxGapMs,
      // The last instant reaches so far, and itself is a part of it.
      toMs: toMs - stepMs + options.maxGapMs + 1,
      limit: limit + 1,
    });
    const tracks = stored.filter((track): track is DeclaredTrack => track.unit !== null);
    if (count > 1 && tracks.some(({ instants }) => instants.length > limit)) {
      return compute(fusion, fromMs, Math.ceil(count / 2));
    }
    checkAmount(tracks, limit);
    const { unit, gains, converted } = toOneUnit(tracks, units, fusion.unit ?? undefined);
    const varianceOf = (id: string) => options.varianceOf(id) * (gains.get(id) ?? 1) ** 2;
    const memory = structuredClone(fusion.memory);
    const fused = fuseTracks(converted, { ...options, varianceOf, fromMs, toMs, stepMs }, memory);
    checkComputed(fused);
    const points = fused.map(({ heard: _, ...point }): StoredPoint => ({ ...point, unit }));
    const missing = deviceIds.length - tracks.length;
    const problem =
      missing === 0
        ? null
        : `${missing} of its ${deviceIds.length} devices are not there or do not declare ${metric}`;
    return {
      ...advance(fusion, { fromMs, toMs }, problem),
      deviceIds,
      points,
      memory,
      unit: tracks.length === 0 ? fusion.unit : unit,
    };
  }

  return async (fusion, nowMs) => {
    const { stepMs, latenessMs, retentionHours } = fusion.definition;
    const oldestMs = alignUp(nowMs - retentionHours * HOUR_MS, stepMs);
    const fromMs = Math.max(fusion.nextAt.getTime(), oldestMs);
    const due = Math.floor((nowMs - latenessMs - fromMs) / stepMs) + 1;
    if (due <= 0) return undefined;
    const count = Math.min(due, MAX_POINTS);
    try {
      return await compute(fusion, fromMs, count);
    } catch (error) {
      if (!(error instanceof AegisError) || ERROR_CODES[error.code].retryable) throw error;
      // It is told, and the next points may be right again.
      return advance(fusion, { fromMs, toMs: fromMs + count * stepMs }, error.message);
    }
  };
}

/** The first multiple of a step that is not before an instant. */
export function alignUp(instantMs: number, stepMs: number): number {
  return Math.ceil(instantMs / stepMs) * stepMs;
}

/** Goes on without points. */
function advance(
  { id, updatedAt, unit, memory, nextAt }: StandingFusionModel,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  problem: string | null,
): ComputedPoints {
  const isSkipped = fromMs > nextAt.getTime();
  return {
    ...{ id, updatedAt, unit, memory, problem, points: [], deviceIds: [] },
    nextAt: new Date(toMs),
    skippedThrough: isSkipped ? new Date(fromMs - 1) : null,
  };
}
