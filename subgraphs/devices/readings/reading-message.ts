import { z } from 'zod';

const sequence = z.string().regex(/^\d{1,19}$/);

/**
 * A committed reading as it is announced on the live bus: this subgraph's contract with whoever listens.
 *
 * Messages come in the order of commit. Whoever needs every reading compares `previousSequence` with the sequence it has
 * seen last: when it is larger, something was lost on the way, or another process wrote it.
 */
export const readingMessageSchema = z.object({
  deviceId: z.string(),
  metric: z.string(),
  /** In `unit`. */
  value: z.number(),
  /** UCUM code. */
  unit: z.string(),
  quality: z.enum(['GOOD', 'UNCERTAIN', 'BAD', 'STALE', 'SIMULATED']),
  /** RFC 3339 in UTC with milliseconds. */
  measuredAt: z.iso.datetime(),
  /** RFC 3339 in UTC with milliseconds. */
  receivedAt: z.iso.datetime(),
  /** The reading's place in the workspace's order of commit: a decimal number that only grows. */
  sequence,
  /** No reading of the workspace lies between this sequence and the reading's own. */
  previousSequence: sequence,
});

export type ReadingMessage = z.infer<typeof readingMessageSchema>;

/** Name of the live topic, one for each workspace. */
export const READINGS_TOPIC = 'devices.readings';
