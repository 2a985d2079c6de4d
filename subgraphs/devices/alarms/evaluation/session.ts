import { setImmediate } from 'node:timers/promises';
import type { EventLog } from '../../../../kernel/events/event-log.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { ReadingModel } from '../../models.js';
import type { StoredRule } from '../rules/rule-entry.js';
import type { Assignments } from './assignments.js';
import { Evaluation } from './evaluation.js';
import type { CandidateDevice, EvaluationRegistry } from './registry.js';
import type { SavedSlot } from './slot.js';
import type { WriteChanges } from './write-changes.js';

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
/** How often facts are read even when none was announced, in milliseconds. */
const FACTS_MS = 5_000;
/** The most moves of one transaction. */
const MAX_MOVES = 200;
/** How often the place is written when nothing moves, in milliseconds: so much is looked at again after a crash. */
const CHECKPOINT_MS = 5_000;
/** How many readings are looked at before others get their turn. */
const SLICE = 2_000;

/** What is due at an instant is moved once everything that was committed by then has been looked at. */
interface Fence {
  readonly atMs: number;
  readonly sequence: bigint;
}

/**
 * Evaluation of a workspace from one place in the order of readings on. Its calls must not overlap: what has been looked
 * at, what is written and the place belong together.
 */
export class EvaluationSession {
  readonly #deps: EvaluationSessionDeps;
  readonly #evaluation: Evaluation;
  /** Devices whose metrics are restored. */
  readonly #ready = new Set<string>();
  readonly #changedDevices = new Set<string>();
  #assignments: Assignments | undefined;
  #sequence: bigint;
  #factPlace = 0n;
  #factsReadAtMs = -Infinity;
  #writtenAtMs: number;
  #fence: Fence | undefined;

  /** @param after the sequence behind which it begins. */
  constructor(deps: EvaluationSessionDeps, after: bigint) {
    const { now, graceMs } = deps;
    this.#deps = deps;
    this.#sequence = after;
    this.#writtenAtMs = now();
    this.#evaluation = new Evaluation({ now, absentFromMs: now() + graceMs });
  }

  /** Reads which rules look at which devices, and how far they have come. */
  async open(): Promise<void> {
    const { workspace, registry } = this.#deps;
    this.#factPlace = await registry.newestFact(workspace);
    await this.#assignAll(groupByDevice(await registry.slots(workspace)));
    await this.flush();
  }

  /** Lets the rules look at committed readings, in order; items without a reading say how far there is none. */
  async take(
    items: readonly { readonly sequence: bigint; readonly reading?: ReadingModel }[],
  ): Promise<void> {
    for (let from = 0; from < items.length; from += SLICE) {
      const slice = items.slice(from, from + SLICE);
      await this.#prepare(slice);
      for (const { sequence, reading } of slice) {
        if (reading && this.#evaluation.isWatched(reading.deviceId)) this.#evaluation.take(toSample(reading));
        this.#sequence = sequence;
        if (this.#evaluation.moveCount >= MAX_MOVES) await this.flush();
      }
      await setImmediate();
    }
    await this.#flushWhenDue();
    await this.#fire();
  }

  /** The event log has grown: it is read with the next tick. */
  factsCame(): void {
    this.#factsReadAtMs = -Infinity;
  }

  /** Which rules look at a device may have changed: it is taken up with the next tick. */
  deviceChanged(id: string): void {
    this.#changedDevices.add(id);
  }

  /** Takes up changes of rules and devices, and lets the clock move what is due. */
  async tick(): Promise<void> {
    const { workspace, registry, now } = this.#deps;
    await this.#takeUpChanges();
    const atMs = now();
    if (!this.#fence && this.#evaluation.isDue(atMs)) {
      this.#fence = { atMs, sequence: await registry.newestReading(workspace) };
    }
    await this.#fire();
    await this.#flushWhenDue();
  }

  /** Writes what has not been written. */
  async flush(): Promise<void> {
    const { workspace, write, now } = this.#deps;
    await write(workspace, this.#evaluation.drain(), this.#sequence);
    this.#writtenAtMs = now();
  }

  async #flushWhenDue(): Promise<void> {
    const isOld = this.#deps.now() - this.#writtenAtMs >= CHECKPOINT_MS;
    if (isOld || this.#evaluation.moveCount > 0) await this.flush();
  }

  async #flushWhenFull(): Promise<void> {
    if (this.#evaluation.moveCount >= MAX_MOVES) await this.flush();
  }

  async #fire(): Promise<void> {
    if (!this.#fence || this.#sequence < this.#fence.sequence) return;
    const { atMs } = this.#fence;
    this.#fence = undefined;
    for (let more = true; more;) {
      more = this.#evaluation.tick(atMs, MAX_MOVES);
      if (this.#evaluation.moveCount > 0) await this.flush();
    }
  }

  /** Reads the facts that have come since the last time: when it was told of any, and from time to time. */
  async #haveRulesChanged(): Promise<boolean> {
    const { workspace, log, now } = this.#deps;
    if (now() - this.#factsReadAtMs < FACTS_MS) return false;
    this.#factsReadAtMs = now();
    let haveChanged = false;
    for (let read = FACT_PAGE; read === FACT_PAGE;) {
      const facts = await log.readAfter(workspace, this.#factPlace, FACT_PAGE);
      haveChanged ||= facts.some(({ type }) => CHANGES_ALL.test(type));
      this.#factPlace = facts.at(-1)?.sequence ?? this.#factPlace;
      read = facts.length;
    }
    return haveChanged;
  }

  async #takeUpChanges(): Promise<void> {
    const isAll = await this.#haveRulesChanged();
    const ids = [...this.#changedDevices];
    this.#changedDevices.clear();
    if (isAll) await this.#assignAll();
    if (ids.length > 0) await this.#assignIds(ids);
  }

  async #assignAll(saved: ReadonlyMap<string, readonly SavedSlot[]> = new Map()): Promise<void> {
    const { workspace, registry, allRules, createAssignments } = this.#deps;
    this.#assignments = createAssignments(await allRules(workspace));
    const left = new Map(saved);
    for (let after = ''; ;) {
      const page = await registry.devicesAfter(workspace, after, DEVICE_PAGE);
      await this.#assign(page, saved);
      await this.#restore(page.map(({ id }) => id));
      for (const { id } of page) left.delete(id);
      after = page.at(-1)?.id ?? '';
      if (page.length < DEVICE_PAGE) break;
    }
    for (const [id, slots] of left) {
      this.#evaluation.assign(toGone(id), slots);
      await this.#flushWhenFull();
    }
  }

  async #assign(
    devices: readonly CandidateDevice[],
    saved: ReadonlyMap<string, readonly SavedSlot[]> = new Map(),
  ): Promise<void> {
    for (const device of (await this.#assignments?.assign(devices)) ?? []) {
      this.#evaluation.assign(device, saved.get(device.id));
      this.#ready.delete(device.id);
      await this.#flushWhenFull();
    }
  }

  async #assignIds(ids: readonly string[]): Promise<void> {
    const { workspace, registry } = this.#deps;
    const found = await registry.devices(workspace, ids);
    await this.#assign(found);
    const there = new Set(found.map(({ id }) => id));
    for (const id of ids) if (!there.has(id)) this.#evaluation.assign(toGone(id));
    await this.#restore(ids);
  }

  /** Reads what is stored of the metrics that rules look at, up to where evaluation is. */
  async #restore(ids: readonly string[]): Promise<void> {
    const { workspace, registry } = this.#deps;
    const keys = ids.flatMap((id) => this.#evaluation.unrestored(id));
    for (let from = 0; from < keys.length; from += TRACK_PAGE) {
      const page = keys.slice(from, from + TRACK_PAGE);
      const samples = await registry.samples(workspace, page, this.#sequence);
      for (const [index, key] of page.entries()) this.#evaluation.restore(key, samples[index] ?? []);
    }
    for (const id of ids) this.#ready.add(id);
  }

  /** Knows the rules and the past of every device before its readings are looked at. */
  async #prepare(items: readonly { readonly reading?: ReadingModel }[]): Promise<void> {
    const unready = new Set<string>();
    for (const { reading } of items) {
      if (reading && !this.#ready.has(reading.deviceId)) unready.add(reading.deviceId);
    }
    if (unready.size === 0) return;
    const unknown = [...unready].filter((id) => !this.#evaluation.knows(id));
    if (unknown.length > 0) await this.#assignIds(unknown);
    await this.#restore([...unready]);
  }
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
