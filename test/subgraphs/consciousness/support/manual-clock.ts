import type { Clock } from '../../../../subgraphs/consciousness/ticker.js';
import { until } from './until.js';

/** A clock that stands still until it is moved. */
export interface ManualClock extends Clock {
  /** How many actions wait for their time. */
  readonly waiting: number;
  /** Moves on, running what falls due. */
  move(ms: number): void;
  /** Moves on, and returns when everything that waited before waits again. */
  advance(ms: number): Promise<void>;
  /** Sets the time of day, as a person or a time server does: what waits goes on waiting for as long as it has to. */
  set(at: Date): void;
}

interface Appointment {
  readonly dueMs: number;
  readonly action: () => void;
}

export function createManualClock(start: Date): ManualClock {
  let elapsedMs = 0;
  let originMs = start.getTime();
  const appointments = new Set<Appointment>();

  function move(ms: number): void {
    elapsedMs += ms;
    for (const appointment of [...appointments]) {
      if (appointment.dueMs > elapsedMs) continue;
      appointments.delete(appointment);
      appointment.action();
    }
  }

  return {
    move,
    now: () => new Date(originMs + elapsedMs),
    after(delayMs, action) {
      const appointment = { dueMs: elapsedMs + delayMs, action };
      appointments.add(appointment);
      return () => {
        appointments.delete(appointment);
      };
    },
    get waiting() {
      return appointments.size;
    },
    async advance(ms) {
      const before = appointments.size;
      move(ms);
      await until(() => appointments.size === before);
    },
    set(at) {
      originMs = at.getTime() - elapsedMs;
    },
  };
}
