import { decodeCursor, encodeCursor } from '../../../kernel/events/cursor.js';
import type { LiveBus } from '../../../kernel/events/live-bus.js';
import {
  resume,
  type Delivery,
  type ResumableSource,
  type Sequenced,
} from '../../../kernel/events/resumable-stream.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { interruptible } from '../../../kernel/streams/interruptible.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';

/** A stored item, and its place in the stream. */
export interface StoredItem<T> {
  readonly item: T;
  /** No item of the workspace lies between this sequence and the item's own. */
  readonly previousSequence: bigint;
}

/** An item on its way to a subscriber. */
export interface ItemEvent<T> {
  readonly cursor: string;
  readonly gap: boolean;
  readonly item: T;
}

/** The items of one workspace as they are stored, for any number of subscribers. */
export interface StoredStream<T> {
  start(): Promise<void>;
  /**
   * Opens the stream behind a cursor, or at the next item to be stored from now on. A cursor that lies ahead of all items is of
   * another database: then it goes on with the next item, and tells of a gap.
   *
   * Errors: BAD_USER_INPUT when it is no cursor of this stream.
   */
  open(after: string | undefined): Promise<AsyncIterableIterator<ItemEvent<T>>>;
  /** Ends all open streams. */
  close(): Promise<void>;
}

export interface StoredStreamDeps<T extends Sequenced> {
  readonly workspace: WorkspaceId;
  readonly storage: Omit<ResumableSource<T>, 'listen'>;
  readonly bus: LiveBus;
  readonly logger: Logger;
  /** The live topic on which each stored item is announced. */
  readonly topic: string;
  /** Three letters that name the stream in its cursors. */
  readonly cursorKind: string;
  /** Reads a message of the live bus; undefined when it is none of this stream. */
  readonly readMessage: (message: unknown) => StoredItem<T> | undefined;
}

/** Receives items as they are stored. */
interface ItemListener<T> {
  onStored(items: readonly StoredItem<T>[]): void;
  /** Some may have been lost on the way. */
  onLost(): void;
}

/** Listens to the bus once, reads each message once, and hands it to every subscriber. */
export function createStoredStream<T extends Sequenced>(deps: StoredStreamDeps<T>): StoredStream<T> {
  const { workspace, storage, bus, logger, topic, cursorKind, readMessage } = deps;
  const listeners = new Set<ItemListener<T>>();
  const endings = new Set<AbortController>();
  let stopListening: (() => void) | undefined;

  function listen(listener: ItemListener<T>): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  function onMessages(messages: readonly unknown[]): void {
    const items = messages.map(readMessage).filter((item) => item !== undefined);
    if (items.length < messages.length) {
      logger.warn({ topic }, 'a message is none of this stream; subscribers read from storage instead');
      onLost();
      return;
    }
    for (const listener of listeners) listener.onStored(items);
  }

  function onLost(): void {
    for (const listener of listeners) listener.onLost();
  }

  return {
    async start() {
      stopListening = await bus.listen({ workspace, name: topic }, { onMessages, onLost });
    },
    async open(after) {
      const place = after === undefined ? await findEnd(storage) : decodeCursor(cursorKind, after);
      const ending = new AbortController();
      endings.add(ending);
      const source = createSource(storage, listen);
      const events = toEvents(resume(source, { after: place, signal: ending.signal }), cursorKind);
      return interruptible({
        next: () => events.next(),
        return() {
          endings.delete(ending);
          // A generator that waits for an item takes notice of its own return() only when it has come.
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

type Storage<T extends Sequenced> = StoredStreamDeps<T>['storage'];

/** The place behind all items, those that retention has removed included. */
async function findEnd<T extends Sequenced>(storage: Storage<T>): Promise<bigint> {
  const newest = await storage.newestSequence();
  const pruned = await storage.prunedSequence();
  return newest > pruned ? newest : pruned;
}

/** What one subscriber is served from. */
function createSource<T extends Sequenced>(
  storage: Storage<T>,
  listen: (listener: ItemListener<T>) => () => void,
): ResumableSource<T> {
  /** Everything up to here has been handed on, or can be read from storage by whoever lost it. */
  let covered = -1n;

  function cover(sequence: bigint): void {
    if (sequence > covered) covered = sequence;
  }

  return {
    listen({ onItems, onLost }) {
      const stop = listen({
        onStored(items) {
          for (const { item, previousSequence } of items) {
            if (previousSequence > covered) onLost();
            cover(item.sequence);
          }
          onItems(items.map(({ item }) => item));
        },
        onLost,
      });
      return Promise.resolve(stop);
    },
    async readAfter(sequence, limit) {
      const items = await storage.readAfter(sequence, limit);
      cover(items.at(-1)?.sequence ?? sequence);
      return items;
    },
    async newestSequence() {
      const newest = await storage.newestSequence();
      cover(newest);
      return newest;
    },
    prunedSequence: () => storage.prunedSequence(),
  };
}

async function* toEvents<T extends Sequenced>(
  batches: AsyncGenerator<readonly Delivery<T>[], void, void>,
  cursorKind: string,
): AsyncGenerator<ItemEvent<T>, void, void> {
  for await (const batch of batches) {
    for (const { item, gap } of batch) yield { cursor: encodeCursor(cursorKind, item.sequence), gap, item };
  }
}
