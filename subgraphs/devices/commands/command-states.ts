import type { CommandState } from './models.js';

/**
 * The moves of a command. What is not here does not happen.
 *
 * QUEUED waits for its device, or for those before it. SENT is on its way: it was handed to the protocol. It goes back to
 * QUEUED when it turns out that it did not arrive, or may not have. DELIVERED: the device has it. The others are ends: a
 * device may tell the outcome of a command that it was sent in an attempt which counted as failed, so that also QUEUED
 * leads there.
 */
const COMMAND_MOVES = {
  QUEUED: ['SENT', 'DELIVERED', 'EXECUTED', 'FAILED', 'EXPIRED', 'CANCELLED'],
  SENT: ['QUEUED', 'DELIVERED', 'EXECUTED', 'FAILED', 'EXPIRED', 'CANCELLED'],
  DELIVERED: ['EXECUTED', 'FAILED', 'EXPIRED'],
  EXECUTED: [],
  FAILED: [],
  EXPIRED: [],
  CANCELLED: [],
} as const satisfies Record<CommandState, readonly CommandState[]>;

export const COMMAND_STATES = Object.keys(COMMAND_MOVES) as readonly CommandState[];

/** Whether a command in a state may go to another. */
export function mayMove(from: CommandState, to: CommandState): boolean {
  return (COMMAND_MOVES[from] as readonly CommandState[]).includes(to);
}

/** The states from which a command may go to this one. */
export function statesBefore(to: CommandState): readonly CommandState[] {
  return COMMAND_STATES.filter((from) => mayMove(from, to));
}

/** Whether nothing happens to a command any more. */
export function isFinal(state: CommandState): boolean {
  return COMMAND_MOVES[state].length === 0;
}
