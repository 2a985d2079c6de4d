import { AegisError } from '../../../kernel/errors/aegis-error.js';

/** The most entries of one payload, whatever its format: objects, records, metrics. */
export const MAX_ENTRIES = 1_000;

/** The refusal of a payload that cannot be read. */
export function refusePayload(message: string): AegisError {
  return new AegisError('BAD_USER_INPUT', `telemetry: ${message}.`);
}

/** The refusal of a payload that holds more than is taken. */
export function refuseMany(count: number, max = MAX_ENTRIES): AegisError {
  return new AegisError(
    'PAYLOAD_TOO_LARGE',
    `telemetry: ${count} entries, where at most ${max} are accepted; send them in several messages.`,
  );
}
