/** How far a rule has come with one device. Times are in milliseconds since 1970. */
export type Phase =
  /** The condition does not hold. */
  | { readonly kind: 'IDLE' }
  /** It holds since `sinceMs` of the device's time, and must go on to hold until `dueAtMs` of ours. */
  | { readonly kind: 'PENDING'; readonly sinceMs: number; readonly dueAtMs: number }
  /** Its alarm was raised; whether somebody has cleared it by hand makes no difference. */
  | { readonly kind: 'ACTIVE'; readonly alarmId: string }
  /** It has ended, and must not hold again until `dueAtMs`. */
  | {
      readonly kind: 'CLEARING';
      readonly alarmId: string;
      readonly sinceMs: number;
      readonly dueAtMs: number;
    };

/** What a reading, or the clock, does to a rule's phase. */
export interface PhaseStep {
  readonly phase: Phase;
  /** Undefined when no alarm moves. RAISE: since when the condition holds. */
  readonly move?:
    | { readonly kind: 'RAISE'; readonly alarmId: string; readonly occurredAtMs: number }
    | { readonly kind: 'CLEAR'; readonly alarmId: string };
}

export interface PhaseOptions {
  /** How long the condition must hold, in milliseconds. */
  readonly forMs: number;
  /** How long it must have ended. */
  readonly clearForMs: number;
  /** Names the alarm that is raised. */
  readonly newAlarmId: () => string;
}

/** A look at the condition. */
export interface Look {
  readonly holds: boolean;
  /** When what is seen was measured, by the device's time, in milliseconds since 1970. */
  readonly atMs: number;
  /** Our time. */
  readonly nowMs: number;
}

export const IDLE: Phase = { kind: 'IDLE' };

/** Whether the condition counts as holding, so that hysteresis keeps it: not before its alarm is raised. */
export function isHeld({ kind }: Phase): boolean {
  return kind === 'ACTIVE';
}

/**
 * Takes a look at the condition: it raises when it has held for `forMs`, and clears when it has not held for
 * `clearForMs`, by the device's time. See {@link stepByClock} for a device that goes silent meanwhile.
 *
 * Source: ANSI/ISA-18.2-2016, §10.4 (on-delay and off-delay).
 */
export function stepByReading(phase: Phase, seen: Look, options: PhaseOptions): PhaseStep {
  return seen.holds ? stepHolding(phase, seen, options) : stepEnding(phase, seen, options);
}

function stepHolding(phase: Phase, { atMs, nowMs }: Look, { forMs, newAlarmId }: PhaseOptions): PhaseStep {
  switch (phase.kind) {
    case 'IDLE':
      if (forMs === 0) return raise(atMs, newAlarmId);
      return { phase: { kind: 'PENDING', sinceMs: atMs, dueAtMs: nowMs + forMs } };
    case 'PENDING':
      return atMs - phase.sinceMs >= forMs ? raise(phase.sinceMs, newAlarmId) : { phase };
    case 'ACTIVE':
      return { phase };
    case 'CLEARING':
      return { phase: { kind: 'ACTIVE', alarmId: phase.alarmId } };
  }
}

function stepEnding(phase: Phase, { atMs, nowMs }: Look, { clearForMs }: PhaseOptions): PhaseStep {
  switch (phase.kind) {
    case 'IDLE':
      return { phase };
    case 'PENDING':
      return { phase: IDLE };
    case 'ACTIVE': {
      const { alarmId } = phase;
      if (clearForMs === 0) return clear(alarmId);
      return { phase: { kind: 'CLEARING', alarmId, sinceMs: atMs, dueAtMs: nowMs + clearForMs } };
    }
    case 'CLEARING':
      return atMs - phase.sinceMs >= clearForMs ? clear(phase.alarmId) : { phase };
  }
}

/** Looks at the clock: what was seen last is still so when nothing else has come for as long as it must hold. */
export function stepByClock(phase: Phase, nowMs: number, { newAlarmId }: PhaseOptions): PhaseStep {
  if (phase.kind === 'PENDING' && phase.dueAtMs <= nowMs) return raise(phase.sinceMs, newAlarmId);
  if (phase.kind === 'CLEARING' && phase.dueAtMs <= nowMs) return clear(phase.alarmId);
  return { phase };
}

function raise(occurredAtMs: number, newAlarmId: () => string): PhaseStep {
  const alarmId = newAlarmId();
  return { phase: { kind: 'ACTIVE', alarmId }, move: { kind: 'RAISE', alarmId, occurredAtMs } };
}

function clear(alarmId: string): PhaseStep {
  return { phase: IDLE, move: { kind: 'CLEAR', alarmId } };
}
