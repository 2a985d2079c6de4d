import type { LiveBus } from '../../../kernel/events/live-bus.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { mapIterator } from '../../../kernel/streams/map-iterator.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import { createStoredStream } from '../streams/stored-stream.js';
import { readSampleMessage, SAMPLES_TOPIC, type Sample } from './sample.js';
import type { SampleStorage } from './sample-storage.js';

/** A sample on its way to a subscriber. */
export interface SampleEvent {
  readonly cursor: string;
  readonly gap: boolean;
  readonly sample: Sample;
}

/** The samples of one workspace as they are stored, for any number of subscribers. */
export interface SampleStream {
  start(): Promise<void>;
  /**
   * Opens the stream behind a cursor, or at the next sample to be stored from now on. A cursor that lies ahead of all
   * samples is of another database: then it goes on with the next sample, and tells of a gap.
   *
   * Errors: BAD_USER_INPUT when it is no cursor of this stream.
   */
  open(after: string | undefined): Promise<AsyncIterableIterator<SampleEvent>>;
  /** Ends all open streams. */
  close(): Promise<void>;
}

export interface SampleStreamDeps {
  readonly workspace: WorkspaceId;
  readonly storage: SampleStorage;
  readonly bus: LiveBus;
  readonly logger: Logger;
}

/** The stream of a workspace's samples. */
export function createSampleStream(deps: SampleStreamDeps): SampleStream {
  const stream = createStoredStream<Sample>({
    ...deps,
    topic: SAMPLES_TOPIC,
    cursorKind: 'smp',
    readMessage(message) {
      const stored = readSampleMessage(message);
      return stored && { item: stored.sample, previousSequence: stored.previousSequence };
    },
  });
  return {
    start: () => stream.start(),
    async open(after) {
      const events = await stream.open(after);
      return mapIterator(events, ({ cursor, gap, item }) => ({ cursor, gap, sample: item }));
    },
    close: () => stream.close(),
  };
}
