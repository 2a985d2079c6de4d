import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import { applyMergePatch, makeMergePatch, type JsonObject } from '../../twin/merge-patch.js';
import type { RolloutModel, StageCounts } from '../models.js';
import type { RunExecutor, RunStep, RunWork } from '../runs/run.js';
import type { DueDevice, RolloutRegistry } from './registry.js';

/** Changes what is desired of a device. Undefined: done; otherwise why it cannot be, in words. */
export type SetDesired = (change: {
  readonly workspace: WorkspaceId;
  readonly deviceId: string;
  readonly patch: JsonObject;
  readonly changedBy: string;
  readonly traceparent: string;
}) => Promise<string | undefined>;

export interface RolloutExecutorDeps {
  readonly rollouts: RolloutRegistry;
  readonly setDesired: SetDesired;
  readonly now?: () => number;
}

/** How many devices one step tells. */
const DEVICES_PER_STEP = 50;
/** How often is looked at what devices report while some are under way, in milliseconds. */
const WATCH_MS = 1_000;
/** The same while all that are left cannot be reached. */
const WAIT_MS = 5_000;

/** Makes the work of rollouts. */
export function createRolloutExecutor(deps: RolloutExecutorDeps): RunExecutor {
  const { rollouts, now = Date.now } = deps;

  return {
    kind: 'ROLLOUT',
    async step(work: RunWork): Promise<RunStep> {
      const [rollout] = await rollouts.findByIds(work.workspace, [work.id]);
      if (!rollout) return { kind: 'done' };
      if (rollout.rollingBack) return rollBack(deps, work, rollout);
      await rollouts.judge(work.workspace, rollout);
      const counts = await rollouts.countStages(work.workspace, [work.id]);
      // Once it has expired nobody is left who could be told when it is resumed.
      const isOver = rollout.expiresAt.getTime() <= now() && isEverybodyDone(counts);
      if (isOver) return finish(deps, work, rollout, counts);
      const failing = findFailing(rollout, counts);
      if (failing) return pause(deps, { work, rollout, counts, note: failing });
      const told = await tellDevices(deps, work, rollout, counts);
      const left = told > 0 ? await rollouts.countStages(work.workspace, [work.id]) : counts;
      if (isEverybodyDone(left)) return finish(deps, work, rollout, left);
      const moved = await moveOn(deps, { work, rollout, counts: left, nowMs: now() });
      const waitMs = sum(left, 'inFlight') > 0 ? WATCH_MS : WAIT_MS;
      return { kind: 'again', ...progressOf(left), ...(moved || told > 0 ? {} : { atMs: now() + waitMs }) };
    },
    async cancel({ workspace, id }) {
      await rollouts.move(workspace, id, { from: ['PENDING'], to: 'CANCELLED' });
    },
  };
}

function sum(counts: readonly StageCounts[], of: Exclude<keyof StageCounts, 'id' | 'stage'>): number {
  return counts.reduce((total, one) => total + one[of], 0);
}

function isEverybodyDone(counts: readonly StageCounts[]): boolean {
  return sum(counts, 'pending') + sum(counts, 'inFlight') === 0;
}

function progressOf(counts: readonly StageCounts[]): { readonly done: number; readonly total: number } {
  const total = sum(counts, 'devices');
  return { total, done: total - sum(counts, 'pending') - sum(counts, 'inFlight') };
}

/**
 * Why the rollout must not go on; undefined when it may. Earlier stages count as well: some of their devices were away, and
 * are told late.
 */
function findFailing(rollout: RolloutModel, counts: readonly StageCounts[]): string | undefined {
  const failing = describeFailing(rollout, counts);
  return failing && `${failing} Resume it, or take it back.`;
}

function describeFailing(
  { stage: present, maxFailurePercent }: RolloutModel,
  counts: readonly StageCounts[],
): string | undefined {
  const found = counts.find(
    ({ stage, unforgiven, devices }) =>
      stage <= present && unforgiven > 0 && unforgiven * 100 > maxFailurePercent * devices,
  );
  if (!found) return undefined;
  return (
    `${found.unforgiven} of ${found.devices} devices of stage ${found.stage + 1} have failed, ` +
    `which is more than ${maxFailurePercent} %.`
  );
}

interface Standing {
  readonly work: RunWork;
  readonly rollout: RolloutModel;
  readonly counts: readonly StageCounts[];
}

async function pause(
  { rollouts }: RolloutExecutorDeps,
  { work: { workspace, id }, rollout, counts, note }: Standing & { readonly note: string },
): Promise<RunStep> {
  await rollouts.act({ workspace, traceparent: rollout.traceparent }, id, 'pause', note);
  return { kind: 'paused', note, ...progressOf(counts) };
}

/** Tells devices whose turn it is, as many as may be under way; how many. */
async function tellDevices(
  { rollouts, setDesired }: RolloutExecutorDeps,
  { workspace, id, signal }: RunWork,
  rollout: RolloutModel,
  counts: readonly StageCounts[],
): Promise<number> {
  const room = Math.min(DEVICES_PER_STEP, rollout.maxInFlight - sum(counts, 'inFlight'));
  // Those of a step that was cut off are counted as under way, and told again.
  const due = await rollouts.findDue(workspace, rollout, Math.max(1, room));
  for (const device of due) {
    if (signal.aborted) return 0;
    if (device.former === null && room <= 0) return 0;
    const sentAt = new Date();
    const former = device.former ?? takeBack(device.desired, rollout.patch);
    // First what it was, and then the change: whatever happens in between, the way back is known.
    await rollouts.markSending(workspace, id, { ...device, former });
    const problem = await setDesired({ ...toChange(workspace, rollout, device), patch: rollout.patch });
    const move =
      problem === undefined ? { to: 'SENT' as const, sentAt } : { to: 'FAILED' as const, reason: problem };
    await rollouts.move(workspace, id, { deviceIds: [device.deviceId], from: ['SENDING'], ...move });
  }
  return due.length;
}

/** The merge patch that takes another one back from a document. */
function takeBack(document: JsonObject, patch: JsonObject): JsonObject {
  return makeMergePatch(applyMergePatch(document, patch), document);
}

function toChange(workspace: WorkspaceId, rollout: RolloutModel, { deviceId }: DueDevice) {
  const { createdBy: changedBy, traceparent } = rollout;
  return { workspace, deviceId, changedBy, traceparent };
}

/**
 * Ends the stage once nobody is under way in it and at least one device has succeeded: those that cannot be reached do not
 * hold up the others, but a stage that nobody has passed says nothing. Whether the rollout moved to the next one.
 */
async function moveOn(
  { rollouts }: RolloutExecutorDeps,
  { work, rollout, counts, nowMs }: Standing & { readonly nowMs: number },
): Promise<boolean> {
  const { workspace, id } = work;
  const stage = counts.find((one) => one.stage === rollout.stage);
  const plan = rollout.stages[rollout.stage];
  const isLast = rollout.stage >= rollout.stages.length - 1;
  if (!plan || isLast || !isPassed(stage)) return false;
  if (await rollouts.hasReachable(workspace, rollout)) return false;
  const origin = { workspace, traceparent: rollout.traceparent };
  const doneAt = rollout.stageDoneAt ?? new Date(nowMs);
  if (doneAt.getTime() + plan.soakSeconds * 1_000 > nowMs) {
    if (!rollout.stageDoneAt) await rollouts.change(origin, id, { stageDoneAt: doneAt });
    return false;
  }
  await rollouts.change(origin, id, {
    ...{ stage: rollout.stage + 1, stageDoneAt: null },
    fact: {
      type: 'stage.completed',
      data: { stage: rollout.stage + 1, succeeded: stage?.succeeded ?? 0, failed: stage?.failed ?? 0 },
    },
  });
  return true;
}

/** With few devices a stage may add none. */
function isPassed(stage: StageCounts | undefined): boolean {
  if (!stage) return true;
  const isForgiven = stage.failed > stage.unforgiven;
  return stage.inFlight === 0 && (stage.pending === 0 || stage.succeeded > 0 || isForgiven);
}

/** A rollout that ended before its last stage, or with too many failures, has not succeeded. */
async function finish(
  { rollouts }: RolloutExecutorDeps,
  { workspace, id }: RunWork,
  rollout: RolloutModel,
  counts: readonly StageCounts[],
): Promise<RunStep> {
  const { traceparent, stage } = rollout;
  const succeeded = sum(counts, 'succeeded');
  const failed = sum(counts, 'failed');
  await rollouts.change({ workspace, traceparent }, id, {
    fact: { type: 'ended', data: { succeeded, failed } },
  });
  const note = `${succeeded} devices succeeded, ${failed} failed.`;
  const problem = describeEarlyEnd(stage, counts) ?? describeFailing(rollout, counts);
  if (problem === undefined) return { kind: 'done', note };
  return { kind: 'failed', code: 'UPSTREAM_FAILED', message: `${problem} ${note}`, ...progressOf(counts) };
}

/** Devices of stages to which it never came fail when its time is over, and by nothing else. */
function describeEarlyEnd(present: number, counts: readonly StageCounts[]): string | undefined {
  const untold = counts.filter(({ stage }) => stage > present).reduce((all, { failed }) => all + failed, 0);
  if (untold === 0) return undefined;
  return `The rollout expired in stage ${present + 1}; ${untold} devices of the stages behind it were told nothing.`;
}

/** Has desired again what was desired before; those that were not told yet are told nothing. */
async function rollBack(
  { rollouts, setDesired }: RolloutExecutorDeps,
  { workspace, id, signal }: RunWork,
  rollout: RolloutModel,
): Promise<RunStep> {
  await rollouts.move(workspace, id, { from: ['PENDING'], to: 'CANCELLED' });
  const told = await rollouts.findTold(workspace, id, DEVICES_PER_STEP);
  for (const device of told) {
    if (signal.aborted) break;
    const problem = await setDesired({
      ...toChange(workspace, rollout, device),
      patch: device.former ?? {},
    });
    await rollouts.move(workspace, id, {
      deviceIds: [device.deviceId],
      from: ['SENDING', 'SENT', 'SUCCEEDED', 'FAILED'],
      ...(problem === undefined ? { to: 'ROLLED_BACK' } : { to: 'ROLLBACK_FAILED', reason: problem }),
    });
  }
  const counts = await rollouts.countStages(workspace, [id]);
  if (told.length > 0) return { kind: 'again', ...progressOf(counts) };
  await rollouts.change({ workspace, traceparent: rollout.traceparent }, id, {
    fact: { type: 'ended', data: { rolledBack: 1 } },
  });
  const refused = sum(counts, 'rollbackFailed');
  if (refused > 0) {
    const message = `${refused} devices could not be taken back; the reason stands at each of them.`;
    return { kind: 'failed', code: 'UPSTREAM_FAILED', message, ...progressOf(counts) };
  }
  return { kind: 'done', note: 'What was desired before is desired again.' };
}
