/** A committed reading on the live bus: what this subgraph needs of it. */
export interface ReadingMessage {
  readonly deviceId: string;
  readonly metric: string;
  /** In the unit of its metric. */
  readonly value: number;
  /** What the value is worth; good when it is left out. */
  readonly quality?: string;
  /** Milliseconds since 1970. */
  readonly measuredAtMs: number;
  /** Milliseconds since 1970. */
  readonly receivedAtMs: number;
}

/** The live topic on which readings are announced once they are committed. */
export const READINGS_TOPIC = 'devices.readings';

/** Whether a message of the bus is one. Every reading passes here: it is looked at where it lies, and nothing is copied. */
export function isReadingMessage(message: unknown): message is ReadingMessage {
  if (typeof message !== 'object' || message === null) return false;
  const given = message as Partial<Record<keyof ReadingMessage, unknown>>;
  return (
    typeof given.deviceId === 'string' &&
    typeof given.metric === 'string' &&
    Number.isFinite(given.value) &&
    Number.isFinite(given.measuredAtMs) &&
    Number.isFinite(given.receivedAtMs) &&
    (given.quality === undefined || typeof given.quality === 'string')
  );
}
