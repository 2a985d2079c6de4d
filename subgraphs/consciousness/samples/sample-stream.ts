import { decodeCursor, encodeCursor } from '../../../kernel/events/cursor.js';
import type { LiveBus } from '../../../kernel/events/live-bus.js';
import { resume, type Delivery, type ResumableSource } from '../../../kernel/events/resumable-stream.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { interruptible } from '../../../kernel/streams/interruptible.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import { readSampleMessage, SAMPLES_TOPIC, type Sample, type StoredSample } from './sample.js';
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

/** Receives samples as they are stored. */
interface SampleListener {
  onSamples(samples: readonly StoredSample[]): void;
  /** Some may have been lost on the way. */
  onLost(): void;
}

const CURSOR_KIND = 'smp';

/** Listens to the bus once, reads each message once, and hands it to every subscriber. */
export function createSampleStream({ workspace, storage, bus, logger }: SampleStreamDeps): SampleStream {
  const listeners = new Set<SampleListener>();
  const endings = new Set<AbortController>();
  let stopListening: (() => void) | undefined;

  function listen(listener: SampleListener): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  function onMessages(messages: readonly unknown[]): void {
    const samples = messages.map(readSampleMessage).filter((sample) => sample !== undefined);
    if (samples.length < messages.length) {
      logger.warn(
        { topic: SAMPLES_TOPIC },
        'a message is not a sample; subscribers read from storage instead',
      );
      onLost();
      return;
    }
    for (const listener of listeners) listener.onSamples(samples);
  }

  function onLost(): void {
    for (const listener of listeners) listener.onLost();
  }

  return {
    async start() {
      stopListening = await bus.listen({ workspace, name: SAMPLES_TOPIC }, { onMessages, onLost });
    },
    async open(after) {
      const place = after === undefined ? await findEnd(storage) : decodeCursor(CURSOR_KIND, after);
      const ending = new AbortController();
      endings.add(ending);
      const source = createSource(storage, listen);
      const events = toEvents(resume(source, { after: place, signal: ending.signal }));
      return interruptible({
        next: () => events.next(),
        return() {
          endings.delete(ending);
          // A generator that waits for a sample takes notice of its own return() only when it has come.
          ending.abort();
          return events.return();
        },
      });
    },
    close() {
      stopListening?.();
      for (const ending of endings) ending.abort();
      endings.clear();
      return Promise.resolve();
    },
  };
}

/** The place behind all samples, those that retention has removed included. */
async function findEnd(storage: SampleStorage): Promise<bigint> {
  const newest = await storage.newestSequence();
  const pruned = await storage.prunedSequence();
  return newest > pruned ? newest : pruned;
}

/** What one subscriber is served from. */
function createSource(
  storage: SampleStorage,
  listen: (listener: SampleListener) => () => void,
): ResumableSource<Sample> {
  /** Everything up to here has been handed on, or can be read from storage by whoever lost it. */
  let covered = -1n;

  function cover(sequence: bigint): void {
    if (sequence > covered) covered = sequence;
  }

  return {
    listen({ onItems, onLost }) {
      const stop = listen({
        onSamples(samples) {
          for (const { sample, previousSequence } of samples) {
            if (previousSequence > covered) onLost();
            cover(sample.sequence);
          }
          onItems(samples.map(({ sample }) => sample));
        },
        onLost,
      });
      return Promise.resolve(stop);
    },
    async readAfter(sequence, limit) {
      const samples = await storage.readAfter(sequence, limit);
      cover(samples.at(-1)?.sequence ?? sequence);
      return samples;
    },
    async newestSequence() {
      const newest = await storage.newestSequence();
      cover(newest);
      return newest;
    },
    prunedSequence: () => storage.prunedSequence(),
  };
}

async function* toEvents(
  batches: AsyncGenerator<readonly Delivery<Sample>[], void, void>,
): AsyncGenerator<SampleEvent, void, void> {
  for await (const batch of batches) {
    for (const { item, gap } of batch)
      yield { cursor: encodeCursor(CURSOR_KIND, item.sequence), gap, sample: item };
  }
}
