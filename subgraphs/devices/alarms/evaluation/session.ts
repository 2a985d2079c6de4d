import { setImmediate } from 'node:timers/promises';
import type { EventLog } from '../../../../kernel/events/event-log.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { ReadingModel } from '../../models.js';
import type { StoredRule } from '../rules/rule-entry.js';
import type { Assignments } from './assignments.js';
import { createEvaluation } from './evaluation.js';
import type { CandidateDevice, EvaluationRegistry } from './registry.js';
import type { SavedSlot } from './slot.js';
import type { WriteChanges } from './write-changes.js';

/** Evaluation of a workspace from one place in the order of readings on: its own calls never overlap. */
export interface EvaluationSession {
  /** Reads which rules look at which devices, and how far they have come. */
  open(): Promise<void>;
  /** Lets the rules look at committed readings, in order; items without a reading say how far there is none. */
  take(items: readonly { readonly sequence: bigint; readonly reading?: ReadingModel }[]): Promise<void>;
  /** Which rules look at a device may have changed: it is taken up with the next tick. */
  deviceChanged(id: string): void;
  /** Takes up changes of rules and devices, and lets the clock move what is due. */
  tick(): Promise<void>;
  /** Writes what has not been written. */
  flush(): Promise<void>;
  /** Readings that came too late to be looked at. */
  lateCount(): number;
}

export interface EvaluationSessionDeps {
  readonly workspace: WorkspaceId;
  readonly registry: EvaluationRegistry;
  readonly log: EventLog;
  readonly write: WriteChanges;
  readonly allRules: (workspace: WorkspaceId) => Promise<readonly StoredRule[]>;
  readonly createAssignments: (rules: readonly StoredRule[]) => Assignments;
  readonly now: () => number;
  /** How long after the beginning devices are waited for before data counts as missing, in milliseconds. */
  readonly graceMs: number;
}

const DEVICE_PAGE = 500;
const TRACK_PAGE = 500;
const FACT_PAGE = 100;
/** The most moves of one transaction. */
const MAX_MOVES = 200;
/** How often the place is written when nothing moves, in milliseconds: so much is looked at again after a crash. */
const CHECKPOINT_MS = 5_000;
/** How many readings are looked at before others get their turn. */
const SLICE = 2_000;

/** Begins to evaluate behind a sequence. */
export function createEvaluationSession(deps: EvaluationSessionDeps, after: bigint): EvaluationSession {
  const { workspace, registry, log, write, now, graceMs } = deps;
  const evaluation = createEvaluation({ now, absentFromMs: now() + graceMs });
  /** Devices whose metrics are restored. */
  const ready = new Set<string>();
  let assignments: Assignments | undefined;
  const changedDevices = new Set<string>();
  let sequence = after;
  let factPlace = 0n;
  let writtenAt = now();
  /** What is due at an instant is moved once everything that was committed by then has been looked at. */
  let fence: { readonly atMs: number; readonly sequence: bigint } | undefined;

  async function checkpoint(): Promise<void> {
    await write(workspace, evaluation.drain(), sequence);
    writtenAt = now();
  }

  async function checkpointWhenFull(): Promise<void> {
    if (evaluation.moveCount() >= MAX_MOVES) await checkpoint();
  }

  async function assign(
    devices: readonly CandidateDevice[],
    saved: ReadonlyMap<string, readonly SavedSlot[]> = new Map(),
  ): Promise<void> {
    for (const device of (await assignments?.assign(devices)) ?? []) {
      evaluation.assign(device, saved.get(device.id));
      ready.delete(device.id);
      await checkpointWhenFull();
    }
  }

  async function assignIds(ids: readonly string[]): Promise<void> {
    const found = await registry.devices(workspace, ids);
    await assign(found);
    const there = new Set(found.map(({ id }) => id));
    for (const id of ids) if (!there.has(id)) evaluation.assign(toGone(id));
    await restore(ids);
  }

  async function assignAll(saved: ReadonlyMap<string, readonly SavedSlot[]> = new Map()): Promise<void> {
    assignments = deps.createAssignments(await deps.allRules(workspace));
    const left = new Map(saved);
    for (let after = ''; ;) {
      const page = await registry.devicesAfter(workspace, after, DEVICE_PAGE);
      await assign(page, saved);
      await restore(page.map(({ id }) => id));
      for (const { id } of page) left.delete(id);
      after = page.at(-1)?.id ?? '';
      if (page.length < DEVICE_PAGE) break;
    }
    for (const [id, slots] of left) {
      evaluation.assign(toGone(id), slots);
      await checkpointWhenFull();
    }
  }

  /** Reads what is stored of the metrics that rules look at, up to where evaluation is. */
  async function restore(ids: readonly string[]): Promise<void> {
    const keys = ids.flatMap((id) => evaluation.unrestored(id));
    for (let from = 0; from < keys.length; from += TRACK_PAGE) {
      const page = keys.slice(from, from + TRACK_PAGE);
      const samples = await registry.samples(workspace, page, sequence);
      for (const [index, key] of page.entries()) evaluation.restore(key, samples[index] ?? []);
    }
    for (const id of ids) ready.add(id);
  }

  async function takeUpChanges(): Promise<void> {
    let isAll = false;
    for (let read = FACT_PAGE; read === FACT_PAGE;) {
      const facts = await log.readAfter(workspace, factPlace, FACT_PAGE);
      isAll ||= facts.some(({ type }) => CHANGES_ALL.test(type));
      factPlace = facts.at(-1)?.sequence ?? factPlace;
      read = facts.length;
    }
    const ids = [...changedDevices];
    changedDevices.clear();
    if (isAll) await assignAll();
    if (ids.length > 0) await assignIds(ids);
  }

  async function fire(): Promise<void> {
    if (!fence || sequence < fence.sequence) return;
    const { atMs } = fence;
    fence = undefined;
    for (let more = true; more;) {
      more = evaluation.tick(atMs, MAX_MOVES);
      if (evaluation.moveCount() > 0) await checkpoint();
    }
  }

  async function prepare(readings: readonly ReadingModel[]): Promise<void> {
    const unready = new Set(readings.flatMap(({ deviceId }) => (ready.has(deviceId) ? [] : [deviceId])));
    if (unready.size === 0) return;
    const unknown = [...unready].filter((id) => !evaluation.knows(id));
    if (unknown.length > 0) await assignIds(unknown);
    await restore([...unready]);
  }

  return {
    async open() {
      factPlace = await registry.newestFact(workspace);
      await assignAll(groupByDevice(await registry.slots(workspace)));
      await checkpoint();
    },
    async take(items) {
      for (let from = 0; from < items.length; from += SLICE) {
        const slice = items.slice(from, from + SLICE);
        await prepare(slice.flatMap(({ reading }) => reading ?? []));
        for (const { sequence: at, reading } of slice) {
          if (reading) evaluation.take(toSample(reading));
          sequence = at;
          if (evaluation.moveCount() >= MAX_MOVES) await checkpoint();
        }
        await setImmediate();
      }
      if (evaluation.moveCount() > 0 || now() - writtenAt >= CHECKPOINT_MS) await checkpoint();
      await fire();
    },
    deviceChanged(id) {
      changedDevices.add(id);
    },
    async tick() {
      await takeUpChanges();
      const atMs = now();
      if (!fence && evaluation.isDue(atMs))
        fence = { atMs, sequence: await registry.newestReading(workspace) };
      await fire();
      if (evaluation.moveCount() > 0 || now() - writtenAt >= CHECKPOINT_MS) await checkpoint();
    },
    flush: checkpoint,
    lateCount: () => evaluation.lateCount(),
  };
}

/** Facts after which any rule may look at any device. */
const CHANGES_ALL = /^aegis\.(?:alarmrule|devicegroup)\./;

function toGone(id: string) {
  return { id, createdAtMs: 0, metrics: [], entries: [] };
}

function toSample({ measuredAt, receivedAt, ...reading }: ReadingModel) {
  return { ...reading, measuredAtMs: measuredAt.getTime(), receivedAtMs: receivedAt.getTime() };
}

function groupByDevice(slots: readonly SavedSlot[]): Map<string, SavedSlot[]> {
  const grouped = new Map<string, SavedSlot[]>();
  for (const slot of slots) grouped.set(slot.deviceId, [...(grouped.get(slot.deviceId) ?? []), slot]);
  return grouped;
}
