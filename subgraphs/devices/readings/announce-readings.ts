import type { LiveBus } from '../../../kernel/events/live-bus.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { CommitOutcome, StoredReading } from './reading-commit.js';
import { READINGS_TOPIC, type ReadingMessage } from './reading-message.js';

/** Makes the function that tells the live bus what one writer of a workspace has committed, in the order of commit. */
export function createAnnouncer(
  bus: LiveBus,
  workspace: WorkspaceId,
): (outcome: CommitOutcome) => Promise<void> {
  /** The sequences up to which this writer knows of every reading, and the newest reading up to there. */
  const known = { through: -1n, newest: 0n };

  return async ({ base, through, stored }) => {
    // Sequences that another process took in between may all be readings, so the next message says that it follows them.
    let previous = base === known.through ? known.newest : base;
    const messages = stored.map((reading) => {
      const message = toMessage(reading, previous);
      previous = reading.sequence;
      return message;
    });
    known.through = through;
    known.newest = previous;
    await bus.publish({ workspace, name: READINGS_TOPIC }, messages);
  };
}

function toMessage({ message, reading, sequence }: StoredReading, previous: bigint): ReadingMessage {
  return {
    deviceId: message.deviceId,
    metric: reading.metric,
    value: reading.value,
    unit: reading.unit,
    quality: reading.quality ?? 'GOOD',
    measuredAtMs: Math.floor(reading.measuredAtUs / 1_000),
    receivedAtMs: message.receivedAtMs,
    sequence: String(sequence),
    previousSequence: String(previous),
  };
}
