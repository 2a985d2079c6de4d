import type { Quality } from '../codecs/codec.js';

/** The words of quality in the order of the small numbers that stand for them in storage; never reorder them. */
const QUALITIES: readonly Quality[] = ['GOOD', 'UNCERTAIN', 'BAD', 'STALE', 'SIMULATED'];

const NUMBERS: ReadonlyMap<string, number> = new Map(QUALITIES.map((quality, number) => [quality, number]));

/**
 * The numbers of what says nothing about the measured quantity at its time: BAD and STALE. Such values are stored and
 * shown, and have no part in roll-ups, aggregates and fusion.
 *
 * Source: OPC UA Part 13 (Aggregates), §4.2.1.2: bad values are no input of an aggregate.
 */
export const UNUSABLE: readonly number[] = [2, 3];

/** The number that stands for a quality in storage. */
export function toQualityNumber(quality: Quality | undefined): number {
  return (quality && NUMBERS.get(quality)) ?? 0;
}

/** The quality that a number in storage stands for; UNCERTAIN for a number of a later version. */
export function toQuality(number: number): Quality {
  return QUALITIES[number] ?? 'UNCERTAIN';
}

/** Whether a text is one of the words. */
export function isQuality(text: unknown): text is Quality {
  return typeof text === 'string' && NUMBERS.has(text);
}
