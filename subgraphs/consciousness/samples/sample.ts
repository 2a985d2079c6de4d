import { z } from 'zod';
import type { Sequenced } from '../../../kernel/events/resumable-stream.js';
import type { Signal } from '../signal.js';

/** A node in a sample. Values are in the unit of the node's metric, phases in radians above −π to π. */
export const nodeMeasurement = z.object({
  index: z.int(),
  /** Null when the signal was none of a device. */
  deviceId: z.string().nullable(),
  metric: z.string(),
  /** Left out where it is DEVICE. */
  source: z.enum(['DEVICE', 'STATE', 'GENERATOR']).optional(),
  /** Whether its value was made up; left out where it was not. */
  simulated: z.boolean().optional(),
  value: z.number(),
  /** The phase that came with the value; left out where none did. */
  givenPhase: z.number().optional(),
  phase: z.number().nullable(),
  coherence: z.number().nullable(),
  /** Whether `phase` is one that came with the values; left out where it is of the analytic signal. */
  phaseGiven: z.boolean().optional(),
});

export type NodeMeasurement = Readonly<z.infer<typeof nodeMeasurement>>;

/** The signal that a node had in a sample. */
export function signalOfMeasurement({ index, deviceId, metric, source }: NodeMeasurement): Signal {
  if (source === 'STATE' || source === 'GENERATOR') return { own: source, index };
  return { deviceId: deviceId ?? '', metric };
}

/** The network's metrics over the window that ends at one instant, not stored yet. */
export interface NewSample {
  readonly sampledAt: Date;
  readonly coherence: number | null;
  readonly windowMs: number;
  readonly nodes: readonly NodeMeasurement[];
}

/** A stored sample. */
export interface Sample extends NewSample, Sequenced {}

/** A stored sample, and its place in the stream. */
export interface StoredSample {
  readonly sample: Sample;
  /** No sample of the workspace lies between this sequence and the sample's own. */
  readonly previousSequence: bigint;
}

const sequenceText = z.string().regex(/^\d{1,19}$/);

/**
 * A stored sample as the live bus carries it. Whoever needs every sample compares `previousSequence` with the sequence it
 * has seen last: when it is larger, something was lost on the way, or another process took it.
 */
export const sampleMessage = z.object({
  sequence: sequenceText,
  /** No sample of the workspace lies between this sequence and the sample's own. */
  previousSequence: sequenceText,
  sampledAt: z.iso.datetime(),
  coherence: z.number().nullable(),
  windowMs: z.int(),
  nodes: z.array(nodeMeasurement),
});

export type SampleMessage = z.infer<typeof sampleMessage>;

/** The live topic on which each stored sample is announced. */
export const SAMPLES_TOPIC = 'consciousness.samples';

/** Makes the message that announces a stored sample. */
export function toSampleMessage({ sample, previousSequence }: StoredSample): SampleMessage {
  const { sequence, sampledAt, nodes, ...rest } = sample;
  return {
    ...rest,
    nodes: [...nodes],
    sequence: String(sequence),
    previousSequence: String(previousSequence),
    sampledAt: sampledAt.toISOString(),
  };
}

/** Reads a message of the live bus; undefined when it is not a sample. */
export function readSampleMessage(message: unknown): StoredSample | undefined {
  const { success, data } = sampleMessage.safeParse(message);
  if (!success) return undefined;
  const { sequence, previousSequence, sampledAt, ...rest } = data;
  return {
    sample: { ...rest, sequence: BigInt(sequence), sampledAt: new Date(sampledAt) },
    previousSequence: BigInt(previousSequence),
  };
}
