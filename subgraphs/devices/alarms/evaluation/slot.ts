import type { RuleEntry } from '../rules/rule-entry.js';
import { IDLE, type Phase } from './phase.js';

/** A rule and a device that it looks at. */
export interface Slot {
  readonly entry: RuleEntry;
  readonly deviceId: string;
  phase: Phase;
}

/** How far a rule has come with a device, as it is kept. */
export interface SavedSlot {
  readonly ruleId: string;
  readonly deviceId: string;
  readonly conditionVersion: number;
  readonly phase: Phase;
}

/** Begins a rule with a device, or goes on with it where it is known how far it has come. */
export function openSlot(entry: RuleEntry, deviceId: string, phase: Phase = IDLE): Slot {
  return { entry, deviceId, phase };
}

/** The slot as it is to be kept. */
export function toSaved({ entry, deviceId, phase }: Slot): SavedSlot {
  return { ruleId: entry.id, deviceId, conditionVersion: entry.conditionVersion, phase };
}
