import type { Quality } from '../codecs/codec.js';
import { isQuality } from './quality.js';

/**
 * A committed reading as it is announced on the live bus: this subgraph's contract with whoever listens.
 *
 * Messages come in the order of commit. Whoever needs every reading compares `previousSequence` with the sequence it has
 * seen last: when it is larger, something was lost on the way, or another process wrote it.
 */
export interface ReadingMessage {
  readonly deviceId: string;
  readonly metric: string;
  /** In `unit`. */
  readonly value: number;
  /** UCUM code. */
  readonly unit: string;
  readonly quality: Quality;
  /** Milliseconds since 1970. */
  readonly measuredAtMs: number;
  /** Milliseconds since 1970. */
  readonly receivedAtMs: number;
  /** The reading's place in the workspace's order of commit: a decimal number that only grows. */
  readonly sequence: string;
  /** No reading of the workspace lies between this sequence and the reading's own. */
  readonly previousSequence: string;
}

/** Name of the live topic, one for each workspace. */
export const READINGS_TOPIC = 'devices.readings';

const SEQUENCE = /^\d{1,19}$/;

/** Whether a message of the bus is one. Every reading passes here: it is looked at where it lies, and nothing is copied. */
export function isReadingMessage(message: unknown): message is ReadingMessage {
  if (typeof message !== 'object' || message === null) return false;
  const given = message as Partial<Record<keyof ReadingMessage, unknown>>;
  return (
    typeof given.deviceId === 'string' &&
    typeof given.metric === 'string' &&
    typeof given.unit === 'string' &&
    Number.isFinite(given.value) &&
    Number.isFinite(given.measuredAtMs) &&
    Number.isFinite(given.receivedAtMs) &&
    isQuality(given.quality) &&
    isSequence(given.sequence) &&
    isSequence(given.previousSequence)
  );
}

function isSequence(text: unknown): text is string {
  return typeof text === 'string' && SEQUENCE.test(text);
}
