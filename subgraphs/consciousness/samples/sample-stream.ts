import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { decodeCursor, encodeCursor } from '../../../kernel/events/cursor.js';
import type { LiveBus } from '../../../kernel/events/live-bus.js';
import { resume, type Delivery, type ResumableSource } from '../../../kernel/events/resumable-stream.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { interruptible } from '../../../kernel/streams/interruptible.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
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
   * Opens the stream behind a cursor, or at the next sample to be stored from now on. Errors: BAD_USER_INPUT when it is no cursor of this stream.
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

type Listener = Parameters<ResumableSource<Sample>['listen']>[0];

const CURSOR_KIND = 'smp';

/** Listens to the bus once, reads each message once, and hands it to every subscriber. */
export function createSampleStream({ workspace, storage, bus, logger }: SampleStreamDeps): SampleStream {
  const listeners = new Set<Listener>();
  const endings = new Set<AbortController>();
  let stopListening: (() => void) | undefined;

  const source: ResumableSource<Sample> = {
    listen(listener) {
      listeners.add(listener);
      return Promise.resolve(() => listeners.delete(listener));
    },
    readAfter: (sequence, limit) => storage.readAfter(sequence, limit),
    newestSequence: () => storage.newestSequence(),
    prunedSequence: () => storage.prunedSequence(),
  };

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
    for (const listener of listeners) listener.onItems(samples);
  }

  function onLost(): void {
    for (const listener of listeners) listener.onLost();
  }

  async function findPlace(after: string): Promise<bigint> {
    const sequence = decodeCursor(CURSOR_KIND, after);
    if (sequence <= (await storage.newestSequence())) return sequence;
    throw new AegisError(
      'BAD_USER_INPUT',
      'after: expected the cursor of an earlier event of this stream, got one of an event that has not been yet. ' +
        'Leave it out to begin with the next event.',
    );
  }

  return {
    async start() {
      stopListening = await bus.listen({ workspace, name: SAMPLES_TOPIC }, { onMessages, onLost });
    },
    async open(after) {
      const place = after === undefined ? await storage.newestSequence() : await findPlace(after);
      const ending = new AbortController();
      endings.add(ending);
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

async function* toEvents(
  batches: AsyncGenerator<readonly Delivery<Sample>[], void, void>,
): AsyncGenerator<SampleEvent, void, void> {
  for await (const batch of batches) {
    for (const { item, gap } of batch)
      yield { cursor: encodeCursor(CURSOR_KIND, item.sequence), gap, sample: item };
  }
}
