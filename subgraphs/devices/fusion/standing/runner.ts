import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../../../kernel/database/database.js';
import type { LiveBus } from '../../../../kernel/events/live-bus.js';
import type { ResumableSource } from '../../../../kernel/events/resumable-stream.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import type { DutyPlace, DutyRegistry } from '../../duties/registry.js';
import type { StreamItem } from '../../readings/reading-stream.js';
import { createApart } from './apart.js';
import type { ComputePoints } from './compute-points.js';
import { createLateInputs, type LateInputs } from './late-inputs.js';
import type { StandingFusionModel } from './models.js';
import type { StandingFusionRegistry } from './registry.js';

export interface FusionRunnerDeps {
  readonly workspace: WorkspaceId;
  readonly database: Database;
  readonly bus: LiveBus;
  readonly registry: StandingFusionRegistry;
  readonly duties: DutyRegistry;
  readonly compute: ComputePoints;
  readonly logger: Logger;
  readonly openSource: (signal: AbortSignal) => ResumableSource<StreamItem>;
  readonly now: () => number;
  /** How often it is looked for what is due, in milliseconds. */
  readonly tickMs?: number;
}

/** The live topic on which a process says that a fusion has new points; its messages are the fusion's id. */
export const FUSIONS_TOPIC = 'devices.fusions';

const TICK_MS = 500;
/** How often fusions that other processes have made or changed are looked for, in milliseconds. */
const REFRESH_MS = 5_000;
const PRUNE_MS = 600_000;
const PRUNE_CHUNK = 5_000;
const HOUR_MS = 3_600_000;

/** Computes the standing fusions of a workspace. */
export interface FusionRunner {
  perform(place: DutyPlace, signal: AbortSignal): Promise<void>;
  /** A fusion was made, changed or removed in this process. */
  wake(): void;
}

/** Makes the work of computing the standing fusions of a workspace. It ends with the signal. */
export function createFusionRunner(deps: FusionRunnerDeps): FusionRunner {
  const { workspace, database, bus, registry, duties, compute, logger, openSource, now } = deps;
  const { tickMs = TICK_MS } = deps;
  let isStale = true;
  const apart = createApart(({ id, error }) => {
    logger.error({ err: error, workspace, fusion: id }, 'a fusion could not go on');
  });

  /** Computes what is due of one; the fusion as it is then, or undefined when it has changed meanwhile. */
  async function step(
    fusion: StandingFusionModel,
    late: LateInputs,
  ): Promise<StandingFusionModel | undefined> {
    const computed = await compute(fusion, now());
    if (!computed) return fusion;
    const lateInputs = late.take(fusion.id);
    const isWritten = await database.inWorkspace(workspace).transaction(async (transaction) => {
      await duties.confirm(transaction);
      return registry.advance(transaction, { ...computed, lateInputs });
    });
    if (!isWritten) return undefined;
    // Who does not hear of it looks by itself from time to time.
    void bus.publish({ workspace, name: FUSIONS_TOPIC }, [fusion.id]).catch(() => undefined);
    const { unit, nextAt, memory, problem, deviceIds } = computed;
    const advanced = { ...fusion, unit, nextAt, memory, problem };
    late.follow(advanced, deviceIds);
    return advanced;
  }

  async function run(signal: AbortSignal, late: LateInputs): Promise<void> {
    let fusions: readonly StandingFusionModel[] = [];
    let refreshedAtMs = -Infinity;
    let prunedAtMs = -Infinity;
    const isEnding = () => signal.aborted;
    while (!isEnding()) {
      if (isStale || now() - refreshedAtMs >= REFRESH_MS) {
        isStale = false;
        fusions = await registry.all(workspace);
        refreshedAtMs = now();
        const ids = new Set(fusions.map(({ id }) => id));
        late.keepOnly(ids);
        apart.keepOnly(ids);
      }
      const advanced: StandingFusionModel[] = [];
      for (const fusion of fusions) {
        const next = isEnding() ? fusion : await apart.attempt(fusion.id, () => step(fusion, late), fusion);
        if (next) advanced.push(next);
        else isStale = true;
      }
      fusions = advanced;
      if (now() - prunedAtMs >= PRUNE_MS) {
        prunedAtMs = now();
        for (const fusion of fusions)
          await apart.attempt(fusion.id, () => prune(registry, workspace, fusion, now()), undefined);
      }
      await sleep(tickMs, undefined, { signal }).catch(() => undefined);
    }
  }

  return {
    async perform(_place, signal) {
      isStale = true;
      const late = createLateInputs();
      const stop = await openSource(signal).listen({
        onItems: (items) => {
          for (const { reading } of items) if (reading) late.see(reading);
        },
        onLost: () => undefined,
      });
      try {
        await run(signal, late);
      } finally {
        stop();
      }
    },
    wake() {
      isStale = true;
    },
  };
}

async function prune(
  registry: StandingFusionRegistry,
  workspace: WorkspaceId,
  { id, definition }: StandingFusionModel,
  nowMs: number,
): Promise<void> {
  const before = new Date(nowMs - definition.retentionHours * HOUR_MS);
  for (let removed = PRUNE_CHUNK; removed === PRUNE_CHUNK;) {
    removed = await registry.prune(workspace, id, before, PRUNE_CHUNK);
  }
}
