import { z } from 'zod';

/** A state that was pushed to a node, on the live bus. */
export const stateMessage = z.object({
  index: z.int().min(0),
  value: z.number(),
  /** When it was true, in milliseconds since 1970. */
  atMs: z.number(),
});

export type StateMessage = z.infer<typeof stateMessage>;

/** The live topic on which pushed states are announced to whoever samples the network. */
export const STATES_TOPIC = 'consciousness.states';
