import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';

/** What is asked of a device now. */
export interface LiveRead {
  readonly workspace: WorkspaceId;
  readonly deviceId: string;
  readonly metrics: readonly string[];
  readonly timeoutMs: number;
}

/** How many devices one process asks at once, and how many it has others ask. */
export const MAX_READS = 256;

/** The refusal to ask a device that is not connected. */
export function deviceAway(): AegisError {
  return new AegisError(
    'UNAVAILABLE',
    'reading: the device is not connected, so that it cannot be asked; its newest stored value is there with source: TWIN.',
  );
}

/** The refusal to ask more devices than are asked already. */
export function tooManyReads(): AegisError {
  return new AegisError(
    'RATE_LIMITED',
    `reading: ${MAX_READS} devices are being asked already; ask again in a moment.`,
    {
      retryAfterMs: 1_000,
    },
  );
}
