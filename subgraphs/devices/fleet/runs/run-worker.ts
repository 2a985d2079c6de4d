import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { ERROR_CODES } from '../../../../kernel/errors/codes.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import { createUpkeep } from '../../commands/upkeep.js';
import type { RunKind } from '../../generated/schema-types.js';
import type { ClaimedRun, RunChange, RunRegistry } from './registry.js';
import type { RunExecutor, RunStep } from './run.js';

/** Works at runs, as long as the process lives. */
export interface RunWorker {
  start(): Promise<void>;
  /** Looks for work now. */
  wake(): void;
  /** Ends after the steps in hand; what is left goes on after the next start, or elsewhere. */
  close(): Promise<void>;
}

export interface RunWorkerDeps {
  readonly registry: RunRegistry;
  readonly executors: readonly RunExecutor[];
  readonly workspaces: readonly WorkspaceId[];
  /** Told of each change of a run, once that is committed. */
  readonly announce: (workspace: WorkspaceId, id: string) => void;
  readonly logger: Logger;
  /** Names this process. */
  readonly owner: string;
  /** Whether no other process can work at these runs: those that a dead one had are taken at once. */
  readonly alone: boolean;
  readonly maxConcurrent?: number;
}

const MAX_CONCURRENT = 4;
const POLL_MS = 2_000;
/** How long a run is left to a process that does not say a word, in milliseconds. */
const LEASE_MS = 30_000;
const RETRY_MS = 5_000;
/** How often in a row a step may fail before its run does. */
const MAX_FAILURES = 20;

/** Makes the worker. */
export function createRunWorker(deps: RunWorkerDeps): RunWorker {
  const { registry, workspaces, announce, logger, owner, maxConcurrent = MAX_CONCURRENT } = deps;
  const executors = new Map<RunKind, RunExecutor>(deps.executors.map((one) => [one.kind, one]));
  const stopping = new AbortController();
  const active = new Map<string, Promise<void>>();
  const settlement = createSettlement(deps);
  const upkeep = createUpkeep({
    workspaces,
    logger,
    what: 'work at runs',
    periodMs: POLL_MS,
    work: takeRuns,
  });
  const lease = () => ({ owner, until: new Date(Date.now() + LEASE_MS) });

  async function takeRuns(workspace: WorkspaceId): Promise<undefined> {
    const limit = maxConcurrent - active.size;
    if (limit <= 0 || stopping.signal.aborted) return undefined;
    for (const run of await registry.claim(workspace, { ...lease(), limit })) {
      const working = workAt(workspace, run)
        .catch((error: unknown) => {
          logger.error({ err: error, run: run.id }, 'could not work at a run; trying again');
        })
        .finally(() => {
          active.delete(run.id);
          upkeep.wakeAt(new Date());
        });
      active.set(run.id, working);
    }
    return undefined;
  }

  async function workAt(workspace: WorkspaceId, claimed: ClaimedRun): Promise<void> {
    const { id, kind } = claimed;
    announce(workspace, id);
    let run: ClaimedRun | undefined = claimed;
    while (run && !run.cancelling && !stopping.signal.aborted) {
      const until = await workOnce(workspace, { id, kind });
      if (until === 'ended') return;
      if (until) {
        await registry.release(workspace, id, { owner, until });
        return;
      }
      run = await registry.renew(workspace, id, lease());
    }
    if (run?.cancelling) {
      await executors.get(kind)?.cancel?.({ workspace, id, signal: stopping.signal });
      await settlement.end(workspace, id, { state: 'CANCELLED' });
    } else {
      await registry.release(workspace, id, { owner, until: null });
    }
  }

  /** Out: `ended`, when it is to go on, or undefined for at once. */
  async function workOnce(
    workspace: WorkspaceId,
    { id, kind }: Pick<ClaimedRun, 'id' | 'kind'>,
  ): Promise<'ended' | Date | undefined> {
    const executor = executors.get(kind);
    if (!executor) return new Date(Date.now() + LEASE_MS);
    try {
      const step = await executor.step({ workspace, id, signal: stopping.signal });
      return await settlement.settle(workspace, id, step);
    } catch (error) {
      return await settlement.fail(workspace, id, error);
    }
  }

  return {
    async start() {
      if (deps.alone) for (const workspace of workspaces) await registry.releaseAll(workspace);
      upkeep.start();
    },
    wake() {
      upkeep.wakeAt(new Date());
    },
    async close() {
      stopping.abort();
      await upkeep.close();
      await Promise.all(active.values());
    },
  };
}

/** Writes down what came of steps. Out of each: `ended`, when the run is to go on, or undefined for at once. */
function createSettlement({ registry, announce, logger, owner }: RunWorkerDeps) {
  /** How often the steps of a run have failed in a row. */
  const failures = new Map<string, number>();

  async function settle(
    workspace: WorkspaceId,
    id: string,
    step: RunStep,
  ): Promise<'ended' | Date | undefined> {
    failures.delete(id);
    switch (step.kind) {
      case 'done':
        await end(workspace, id, { state: 'SUCCEEDED', note: step.note ?? null });
        return 'ended';
      case 'failed': {
        const { code: errorCode, message: errorMessage, done, total } = step;
        await end(workspace, id, { state: 'FAILED', errorCode, errorMessage, done, total });
        return 'ended';
      }
      case 'paused': {
        const { note, done, total } = step;
        await change(workspace, id, { state: 'PAUSED', note, done, total });
        await registry.release(workspace, id, { owner, until: null });
        return 'ended';
      }
      case 'again':
        await change(workspace, id, { done: step.done, total: step.total });
        return step.atMs === undefined ? undefined : new Date(step.atMs);
    }
  }

  async function fail(workspace: WorkspaceId, id: string, error: unknown): Promise<'ended' | Date> {
    const count = (failures.get(id) ?? 0) + 1;
    failures.set(id, count);
    const told = error instanceof AegisError ? error : undefined;
    if (count < MAX_FAILURES && (!told || ERROR_CODES[told.code].retryable)) {
      logger.warn({ err: error, run: id }, 'a step of a run failed; trying again');
      return new Date(Date.now() + RETRY_MS);
    }
    logger.error({ err: error, run: id }, 'a run failed');
    await end(workspace, id, {
      state: 'FAILED',
      errorCode: told?.code ?? 'INTERNAL_SERVER_ERROR',
      errorMessage: told?.message ?? 'The server failed in a way it did not foresee; its log has the reason.',
    });
    return 'ended';
  }

  async function end(workspace: WorkspaceId, id: string, how: RunChange): Promise<void> {
    failures.delete(id);
    await change(workspace, id, { ...how, finishedAt: new Date() });
  }

  async function change(workspace: WorkspaceId, id: string, how: RunChange): Promise<void> {
    await registry.change(workspace, id, how);
    announce(workspace, id);
  }

  return { settle, fail, end };
}
