import { newId } from '../../../../kernel/ids/ids.js';
import type { ClearReason } from '../alarm.js';
import type { Finding, Sample } from '../conditions/condition.js';
import type { RuleEntry } from '../rules/rule-entry.js';
import { createEvaluatedDevice, type EvaluatedDevice, type TrackKey } from './evaluated-device.js';
import type { AlarmMove } from './move.js';
import { IDLE, isHeld, stepByClock, stepByReading, type PhaseStep } from './phase.js';
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

/** The rules of a workspace at work: readings and the clock in, moves of alarms out. It does no I/O. */
export interface Evaluation {
  /** Whether it is known which rules look at a device. */
  knows(deviceId: string): boolean;
  /** Says which rules look at a device from now on; alarms of others end. `saved`: how far they had come. */
  assign(device: AssignedDevice, saved?: readonly SavedSlot[]): void;
  /** Which metrics of a device must be restored before readings of it are taken. */
  unrestored(deviceId: string): readonly TrackKey[];
  /** Takes in what is stored of a metric. */
  restore(key: TrackKey, samples: readonly Sample[]): void;
  /** Lets the rules look at a reading. */
  take(sample: DeviceSample): void;
  /** Whether the clock moves anything. */
  isDue(nowMs: number): boolean;
  /** Lets the clock move what is due, at most so many; whether anything is left. */
  tick(nowMs: number, limit: number): boolean;
  /** How many moves wait to be written. */
  moveCount(): number;
  /** Gives what has happened since the last time. */
  drain(): EvaluationChanges;
  /** Readings that came too late to be looked at, since the beginning. */
  lateCount(): number;
}

export interface EvaluationOptions {
  readonly now: () => number;
  /** No data is missing before this instant: devices need a moment to come back after us. */
  readonly absentFromMs: number;
  readonly newAlarmId?: () => string;
}

/** Makes the evaluation of a workspace, in which no device is known yet. */
export function createEvaluation(options: EvaluationOptions): Evaluation {
  const { now, absentFromMs, newAlarmId = () => newId('alm') } = options;
  const devices = new Map<string, EvaluatedDevice>();
  /** Rules that wait for the clock. */
  const waiting = new Set<Slot>();
  const absences = new Set<Slot>();
  const changed = new Set<Slot>();
  let gone: SavedSlot[] = [];
  let moves: AlarmMove[] = [];
  let late = 0;

  function step(slot: Slot, { phase, move }: PhaseStep): void {
    if (phase === slot.phase) return;
    slot.phase = phase;
    changed.add(slot);
    if (phase.kind === 'PENDING' || phase.kind === 'CLEARING') waiting.add(slot);
    else waiting.delete(slot);
    if (move?.kind === 'RAISE' && phase.kind === 'ACTIVE') raise(slot, phase.alarmId, move.occurredAtMs);
    if (move?.kind === 'CLEAR') clear(slot, move.alarmId, 'CONDITION_ENDED');
  }

  function raise({ entry, deviceId }: Slot, id: string, occurredAtMs: number): void {
    const { rule } = entry;
    const device = devices.get(deviceId);
    if (!device) return;
    const { metric, value, unit, message } = explain(entry, device);
    const alarm = {
      ...{ id, ruleId: entry.id, ruleName: rule.name, ruleVersion: entry.version, deviceId },
      ...{ severity: rule.severity, clearable: rule.clearable, metric, value, unit, message },
      occurredAt: new Date(occurredAtMs),
      raisedAt: new Date(now()),
    };
    moves.push({ kind: 'RAISE', alarm });
  }

  function clear(
    { entry, deviceId }: Pick<Slot, 'deviceId' | 'entry'>,
    alarmId: string,
    reason: ClearReason,
  ): void {
    moves.push({ kind: 'CLEAR', alarmId, ruleId: entry.id, deviceId, at: new Date(now()), reason });
  }

  /** Ends what a rule has begun with a device that it looks at no more. */
  function leave({ ruleId, deviceId, conditionVersion, phase }: SavedSlot, reason: ClearReason): void {
    if ('alarmId' in phase) {
      moves.push({ kind: 'CLEAR', alarmId: phase.alarmId, ruleId, deviceId, at: new Date(now()), reason });
    }
    gone.push({ ruleId, deviceId, conditionVersion, phase: IDLE });
  }

  function dueAtMs({ entry: { compiled, sinceMs }, deviceId }: Slot): number {
    const device = devices.get(deviceId);
    if (compiled.kind !== 'absence' || !device) return Infinity;
    const { metric, windowMs } = compiled.absence;
    const last = Math.max(device.lastReceivedAtMs(metric), device.createdAtMs, sinceMs);
    return last + windowMs;
  }

  function isAbsent(slot: Slot, nowMs: number): boolean {
    return slot.phase.kind === 'IDLE' && nowMs >= absentFromMs && dueAtMs(slot) <= nowMs;
  }

  function isOver({ phase }: Slot, nowMs: number): boolean {
    return 'dueAtMs' in phase && phase.dueAtMs <= nowMs;
  }

  function assign(assigned: AssignedDevice, saved: readonly SavedSlot[] = []): void {
    const before = devices.get(assigned.id);
    const known = new Map(saved.map((slot) => [slot.ruleId, slot]));
    for (const slot of before?.slots.values() ?? []) known.set(slot.entry.id, toSaved(slot));
    const slots = assigned.entries.map((entry) => {
      const own = known.get(entry.id);
      if (own?.conditionVersion !== entry.conditionVersion) return openSlot(entry, assigned.id);
      known.delete(entry.id);
      return openSlot(entry, assigned.id, own.phase);
    });
    const current = new Set(assigned.entries.map(({ id }) => id));
    for (const slot of known.values()) {
      if (slot.phase.kind !== 'IDLE') leave(slot, current.has(slot.ruleId) ? 'RULE_CHANGED' : 'DEVICE_LEFT');
    }
    for (const slot of before?.slots.values() ?? []) forget(slot);
    devices.set(assigned.id, createEvaluatedDevice({ ...assigned, slots, before }));
    for (const slot of slots) remember(slot);
  }

  function forget(slot: Slot): void {
    waiting.delete(slot);
    absences.delete(slot);
    // What it had come to is taken over by the slot that follows, or has ended; that it came to nothing is to be kept.
    if (changed.delete(slot) && slot.phase.kind === 'IDLE') gone.push(toSaved(slot));
  }

  function remember(slot: Slot): void {
    if (slot.entry.compiled.kind === 'absence') absences.add(slot);
    if (slot.phase.kind === 'IDLE') return;
    changed.add(slot);
    if ('dueAtMs' in slot.phase) waiting.add(slot);
  }

  function arrive(device: EvaluatedDevice, { metric, receivedAtMs }: DeviceSample): void {
    device.touch(receivedAtMs);
    for (const slot of device.absencesOf(metric)) {
      if (slot.phase.kind === 'IDLE') continue;
      const seen = { holds: false, atMs: receivedAtMs, nowMs: now() };
      step(slot, stepByReading(slot.phase, seen, { ...timingOf(slot), newAlarmId }));
    }
  }

  function look(device: EvaluatedDevice, slot: Slot, atMs: number): void {
    const { compiled } = slot.entry;
    if (compiled.kind !== 'readings') return;
    const holds = compiled.condition.holds(device, isHeld(slot.phase));
    if (holds === undefined || (!holds && slot.phase.kind === 'IDLE')) return;
    step(slot, stepByReading(slot.phase, { holds, atMs, nowMs: now() }, { ...timingOf(slot), newAlarmId }));
  }

  return {
    knows: (deviceId) => devices.has(deviceId),
    assign,
    unrestored: (deviceId) => devices.get(deviceId)?.unrestored() ?? [],
    restore({ deviceId, metric }, samples) {
      devices.get(deviceId)?.track(metric)?.restore(samples);
    },
    take(sample) {
      const device = devices.get(sample.deviceId);
      if (!device || device.slots.size === 0) return;
      arrive(device, sample);
      const track = device.track(sample.metric);
      if (!track) return;
      if (!track.add(sample)) {
        late += 1;
        return;
      }
      for (const slot of device.slotsOf(sample.metric)) look(device, slot, sample.measuredAtMs);
    },
    isDue(nowMs) {
      for (const slot of waiting) if (isOver(slot, nowMs)) return true;
      for (const slot of absences) if (isAbsent(slot, nowMs)) return true;
      return false;
    },
    tick(nowMs, limit) {
      for (const slot of [...waiting]) {
        if (moves.length >= limit) return true;
        if (isOver(slot, nowMs))
          step(slot, stepByClock(slot.phase, nowMs, { ...timingOf(slot), newAlarmId }));
      }
      for (const slot of absences) {
        if (moves.length >= limit) return true;
        if (!isAbsent(slot, nowMs)) continue;
        const seen = { holds: true, atMs: dueAtMs(slot), nowMs };
        step(slot, stepByReading(slot.phase, seen, { forMs: 0, clearForMs: 0, newAlarmId }));
      }
      return false;
    },
    moveCount: () => moves.length,
    drain() {
      const changes = { moves, slots: [...gone, ...[...changed].map(toSaved)] };
      moves = [];
      gone = [];
      changed.clear();
      return changes;
    },
    lateCount: () => late,
  };
}

function timingOf({ entry: { rule } }: Slot): { readonly forMs: number; readonly clearForMs: number } {
  return { forMs: rule.forMs, clearForMs: rule.clearForMs };
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
