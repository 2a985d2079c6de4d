import { z } from 'zod';

/** A state that was pushed to a node, on the live bus. */
export const stateMessage = z.object({
  index: z.int().min(0),
  value: z.number(),
  /** In radians, above −π to π, of a state that came with its phase. */
  phase: z.number().optional(),
  /** When it was true, in milliseconds since 1970. */
  atMs: z.number(),
});

export type StateMessage = z.infer<typeof stateMessage>;

/** The live topic on which pushed states are announced to whoever samples the network. */
export const STATES_TOPIC = 'consciousness.states';
