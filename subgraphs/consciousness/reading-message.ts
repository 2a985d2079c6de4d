import { z } from 'zod';

/** A committed reading on the live bus: what this subgraph needs of it. `value` is in the unit of its metric. */
export const readingMessage = z.object({
  deviceId: z.string(),
  metric: z.string(),
  value: z.number(),
  /** What the value is worth; good when it is left out. */
  quality: z.enum(['GOOD', 'UNCERTAIN', 'BAD', 'STALE', 'SIMULATED']).optional(),
  measuredAt: z.iso.datetime(),
  receivedAt: z.iso.datetime(),
});

export type ReadingMessage = z.infer<typeof readingMessage>;

/** The live topic on which readings are announced once they are committed. */
export const READINGS_TOPIC = 'devices.readings';
