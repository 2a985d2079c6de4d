import { newId } from '../../../../kernel/ids/ids.js';
import type { ClearReason } from '../alarm.js';
import { instantOf, type Finding, type Sample } from '../conditions/condition.js';
import type { RuleEntry } from '../rules/rule-entry.js';
import { createEvaluatedDevice, type EvaluatedDevice, type TrackKey } from './evaluated-device.js';
import type { AlarmMove } from './move.js';
import { IDLE, isHeld, stepByClock, stepByReading, type PhaseOptions, type PhaseStep } from './phase.js';
import { openSlot, toSaved, type SavedSlot, type Slot } from './slot.js';

/** A device, and which rules look at it. */
export interface AssignedDevice {
  readonly id: string;
  readonly createdAtMs: number;
  /** The names of the metrics that it declares. */
  readonly metrics: readonly string[];
  readonly entries: readonly RuleEntry[];
}

/** What has happened since the last time, to be written in one transaction. */
export interface EvaluationChanges {
  /** In order. */
  readonly moves: readonly AlarmMove[];
  /** Rules that have come elsewhere with a device; IDLE ones are kept no more. */
  readonly slots: readonly SavedSlot[];
}

/** A committed reading of a device. */
export interface DeviceSample extends Sample {
  readonly deviceId: string;
}

export interface EvaluationOptions {
  readonly now: () => number;
  /** No data is missing before this instant: devices need a moment to come back after us. */
  readonly absentFromMs: number;
  readonly newAlarmId?: () => string;
}

/**
 * The rules of a workspace at work: readings and the clock in, moves of alarms out. It does no I/O. What holds at any
 * time: a slot is in `#waiting` while the clock can move it, and in `#changed` from its move until it is drained.
 */
export class Evaluation {
  readonly #now: () => number;
  readonly #absentFromMs: number;
  readonly #newAlarmId: () => string;
  readonly #devices = new Map<string, EvaluatedDevice>();
  readonly #waiting = new Set<Slot>();
  readonly #absences = new Set<Slot>();
  readonly #changed = new Set<Slot>();
  #gone: SavedSlot[] = [];
  #moves: AlarmMove[] = [];
  #late = 0;

  constructor({ now, absentFromMs, newAlarmId = () => newId('alm') }: EvaluationOptions) {
    this.#now = now;
    this.#absentFromMs = absentFromMs;
    this.#newAlarmId = newAlarmId;
  }

  /** How many moves wait to be written. */
  get moveCount(): number {
    return this.#moves.length;
  }

  /** Readings that came too late to be looked at, since the beginning. */
  get lateCount(): number {
    return this.#late;
  }

  /** Whether it is known which rules look at a device. */
  knows(deviceId: string): boolean {
    return this.#devices.has(deviceId);
  }

  /** Whether any rule looks at a device. */
  isWatched(deviceId: string): boolean {
    return (this.#devices.get(deviceId)?.slots.size ?? 0) > 0;
  }

  /** Says which rules look at a device from now on; alarms of others end. `saved`: how far they had come. */
  assign(assigned: AssignedDevice, saved: readonly SavedSlot[] = []): void {
    const before = this.#devices.get(assigned.id);
    const known = new Map(saved.map((slot) => [slot.ruleId, slot]));
    for (const slot of before?.slots.values() ?? []) known.set(slot.entry.id, toSaved(slot));
    const slots = assigned.entries.map((entry) => {
      const own = known.get(entry.id);
      if (own?.conditionVersion !== entry.conditionVersion) return openSlot(entry, assigned.id);
      known.delete(entry.id);
      return openSlot(entry, assigned.id, own.phase);
    });
    const current = new Set(assigned.entries.map(({ id }) => id));
    for (const slot of before?.slots.values() ?? []) this.#forget(slot);
    for (const slot of known.values()) {
      if (slot.phase.kind !== 'IDLE')
        this.#leave(slot, current.has(slot.ruleId) ? 'RULE_CHANGED' : 'DEVICE_LEFT');
    }
    this.#devices.set(assigned.id, createEvaluatedDevice({ ...assigned, slots, before }));
    for (const slot of slots) this.#remember(slot);
  }

  /** Which metrics of a device must be restored before readings of it are taken. */
  unrestored(deviceId: string): readonly TrackKey[] {
    return this.#devices.get(deviceId)?.unrestored() ?? [];
  }

  /** Takes in what is stored of a metric. */
  restore({ deviceId, metric }: TrackKey, samples: readonly Sample[]): void {
    this.#devices.get(deviceId)?.track(metric)?.restore(samples);
  }

  /** Lets the rules look at a reading. One that was measured before the newest of its metric only shows that it came. */
  take(sample: DeviceSample): void {
    const device = this.#devices.get(sample.deviceId);
    if (!device || device.slots.size === 0) return;
    this.#arrive(device, sample);
    const track = device.track(sample.metric);
    if (!track) return;
    if (!track.add(sample)) {
      this.#late += 1;
      return;
    }
    for (const slot of device.slotsOf(sample.metric)) this.#look(device, slot, instantOf(sample));
  }

  /** Whether the clock moves anything. */
  isDue(nowMs: number): boolean {
    for (const slot of this.#waiting) if (isOver(slot, nowMs)) return true;
    for (const slot of this.#absences) if (this.#isAbsent(slot, nowMs)) return true;
    return false;
  }

  /** Lets the clock move what is due until so many moves wait; whether anything is left. */
  tick(nowMs: number, limit: number): boolean {
    for (const slot of [...this.#waiting]) {
      if (this.#moves.length >= limit) return true;
      if (isOver(slot, nowMs)) this.#step(slot, stepByClock(slot.phase, nowMs, this.#timingOf(slot)));
    }
    for (const slot of this.#absences) {
      if (this.#moves.length >= limit) return true;
      if (!this.#isAbsent(slot, nowMs)) continue;
      const seen = { holds: true, atMs: this.#absentSinceMs(slot), nowMs };
      this.#step(slot, stepByReading(slot.phase, seen, this.#timingOf(slot)));
    }
    return false;
  }

  /** Gives what has happened since the last time. */
  drain(): EvaluationChanges {
    const changes = { moves: this.#moves, slots: [...this.#gone, ...[...this.#changed].map(toSaved)] };
    this.#moves = [];
    this.#gone = [];
    this.#changed.clear();
    return changes;
  }

  #step(slot: Slot, { phase, move }: PhaseStep): void {
    if (phase === slot.phase) return;
    slot.phase = phase;
    this.#changed.add(slot);
    if ('dueAtMs' in phase) this.#waiting.add(slot);
    else this.#waiting.delete(slot);
    if (move?.kind === 'RAISE') this.#raise(slot, move);
    if (move?.kind === 'CLEAR') {
      const { deviceId, entry } = slot;
      this.#clear({ deviceId, ruleId: entry.id, alarmId: move.alarmId }, 'CONDITION_ENDED');
    }
  }

  #raise({ entry, deviceId }: Slot, { alarmId: id, occurredAtMs }: RaiseMove): void {
    const device = this.#devices.get(deviceId);
    if (!device) return;
    const { rule } = entry;
    const alarm = {
      ...{ id, ruleId: entry.id, ruleName: rule.name, ruleVersion: entry.version, deviceId },
      ...{ severity: rule.severity, clearable: rule.clearable, ...explain(entry, device) },
      occurredAt: new Date(occurredAtMs),
      raisedAt: new Date(this.#now()),
    };
    this.#moves.push({ kind: 'RAISE', alarm });
  }

  #clear(
    cleared: { readonly alarmId: string; readonly ruleId: string; readonly deviceId: string },
    reason: ClearReason,
  ): void {
    this.#moves.push({ kind: 'CLEAR', ...cleared, at: new Date(this.#now()), reason });
  }

  /** Ends what a rule has begun with a device that it looks at no more. */
  #leave({ ruleId, deviceId, conditionVersion, phase }: SavedSlot, reason: ClearReason): void {
    if ('alarmId' in phase) this.#clear({ alarmId: phase.alarmId, ruleId, deviceId }, reason);
    this.#gone.push({ ruleId, deviceId, conditionVersion, phase: IDLE });
  }

  /** When data counts as missing, in milliseconds since 1970. */
  #absentSinceMs({ entry: { compiled, sinceMs }, deviceId }: Slot): number {
    const device = this.#devices.get(deviceId);
    if (compiled.kind !== 'absence' || !device) return Infinity;
    const { metric, windowMs } = compiled.absence;
    return Math.max(device.lastReceivedAtMs(metric), device.createdAtMs, sinceMs) + windowMs;
  }

  #isAbsent(slot: Slot, nowMs: number): boolean {
    return slot.phase.kind === 'IDLE' && nowMs >= this.#absentFromMs && this.#absentSinceMs(slot) <= nowMs;
  }

  #forget(slot: Slot): void {
    this.#waiting.delete(slot);
    this.#absences.delete(slot);
    // What it had come to is taken over by the slot that follows, or has ended; that it came to nothing is to be kept.
    if (this.#changed.delete(slot) && slot.phase.kind === 'IDLE') this.#gone.push(toSaved(slot));
  }

  #remember(slot: Slot): void {
    if (slot.entry.compiled.kind === 'absence') this.#absences.add(slot);
    if (slot.phase.kind === 'IDLE') return;
    this.#changed.add(slot);
    if ('dueAtMs' in slot.phase) this.#waiting.add(slot);
  }

  #arrive(device: EvaluatedDevice, { metric, receivedAtMs }: DeviceSample): void {
    device.touch(receivedAtMs);
    for (const slot of device.absencesOf(metric)) {
      if (slot.phase.kind === 'IDLE') continue;
      const seen = { holds: false, atMs: receivedAtMs, nowMs: this.#now() };
      this.#step(slot, stepByReading(slot.phase, seen, this.#timingOf(slot)));
    }
  }

  #look(device: EvaluatedDevice, slot: Slot, atMs: number): void {
    const { compiled } = slot.entry;
    if (compiled.kind !== 'readings') return;
    const holds = compiled.condition.holds(device, isHeld(slot.phase));
    if (holds === undefined || (!holds && slot.phase.kind === 'IDLE')) return;
    this.#step(slot, stepByReading(slot.phase, { holds, atMs, nowMs: this.#now() }, this.#timingOf(slot)));
  }

  #timingOf({ entry: { rule } }: Slot): PhaseOptions {
    return { forMs: rule.forMs, clearForMs: rule.clearForMs, newAlarmId: this.#newAlarmId };
  }
}

type RaiseMove = Extract<NonNullable<PhaseStep['move']>, { readonly kind: 'RAISE' }>;

function isOver({ phase }: Slot, nowMs: number): boolean {
  return 'dueAtMs' in phase && phase.dueAtMs <= nowMs;
}

function explain({ compiled }: RuleEntry, device: EvaluatedDevice): Finding {
  if (compiled.kind === 'readings') return compiled.condition.explain(device);
  const { metric, windowMs } = compiled.absence;
  const lastMs = device.lastReceivedAtMs(metric);
  const last = Number.isFinite(lastMs)
    ? `the last one came at ${new Date(lastMs).toISOString()}`
    : 'none has ever come';
  const what = metric === undefined ? 'no readings' : `no reading of ${metric}`;
  return { metric: metric ?? null, value: null, unit: null, message: `${what} for ${windowMs} ms: ${last}` };
}
