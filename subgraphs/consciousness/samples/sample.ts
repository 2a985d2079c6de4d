import { z } from 'zod';
import type { Sequenced } from '../../../kernel/events/resumable-stream.js';

/** A node in a sample. Values are in the unit of the node's metric, phases in radians above −π to π. */
export const nodeMeasurement = z.object({
  index: z.int(),
  deviceId: z.string(),
  metric: z.string(),
  value: z.number(),
  phase: z.number().nullable(),
  coherence: z.number().nullable(),
});

export type NodeMeasurement = Readonly<z.infer<typeof nodeMeasurement>>;

/** The network's metrics over the window that ends at one instant, not stored yet. */
export interface NewSample {
  readonly sampledAt: Date;
  readonly coherence: number | null;
  readonly windowMs: number;
  readonly nodes: readonly NodeMeasurement[];
}

/** A stored sample. */
export interface Sample extends NewSample, Sequenced {}

/** A stored sample as the live bus carries it. */
export const sampleMessage = z.object({
  sequence: z.string().regex(/^\d{1,19}$/),
  sampledAt: z.iso.datetime(),
  coherence: z.number().nullable(),
  windowMs: z.int(),
  nodes: z.array(nodeMeasurement),
});

export type SampleMessage = z.infer<typeof sampleMessage>;

/** The live topic on which each stored sample is announced. */
export const SAMPLES_TOPIC = 'consciousness.samples';

/** Makes the message that announces a stored sample. */
export function toSampleMessage({ sequence, sampledAt, nodes, ...rest }: Sample): SampleMessage {
  return { ...rest, nodes: [...nodes], sequence: String(sequence), sampledAt: sampledAt.toISOString() };
}

/** Reads a message of the live bus; undefined when it is not a sample. */
export function readSampleMessage(message: unknown): Sample | undefined {
  const { success, data } = sampleMessage.safeParse(message);
  if (!success) return undefined;
  return { ...data, sequence: BigInt(data.sequence), sampledAt: new Date(data.sampledAt) };
}
