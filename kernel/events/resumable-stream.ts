import { PushStream } from '../streams/push-stream.js';

/** One item of a durable, ordered table. */
export interface Sequenced {
  /** Grows in the order of commit. */
  readonly sequence: bigint;
}

/** Where a resumable stream comes from: a table, and word of what is added to it. */
export interface ResumableSource<T extends Sequenced> {
  /**
   * Begins to listen for items as they are committed; the returned function ends it. They must come in the order of
   * their commit: an item that comes after one of a higher sequence is taken for one that was already delivered. The live
   * bus keeps the order of one publisher; where several write one topic, its messages say which item each one follows, and
   * the source reports a loss where that is not the last one.
   */
  listen(listener: { onItems(items: readonly T[]): void; onLost(): void }): Promise<() => void>;
  /** The next items after a sequence, oldest first, at most `limit`. */
  readAfter(sequence: bigint, limit: number): Promise<readonly T[]>;
  /** The sequence of the newest committed item, 0 when there is none. */
  newestSequence(): Promise<bigint>;
  /** Up to which sequence items have been removed by retention; 0 when nothing was removed. */
  prunedSequence(): Promise<bigint>;
}

export interface ResumableOptions {
  /**
   * The last item the reader has seen; undefined begins with the next one to be committed. One that lies ahead of all
   * items is of a storage that has since begun anew: the reader is told of a gap and continues with the next item.
   */
  readonly after?: bigint;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  /** The most live batches kept for a reader that lags; beyond it, the reader is served from storage again. */
  readonly capacity?: number;
  readonly pageSize?: number;
}

/** An item, and whether items between it and the one before are missing because retention has removed them. */
export interface Delivery<T> {
  readonly item: T;
  readonly gap: boolean;
}

/**
 * Yields what was missed from storage and then the live tail, each item once and in the order of commit.
 *
 * It listens before it reads, so nothing falls between the two; what arrives twice is recognised by its sequence; a
 * reader that lags, or a bus that lost its connection, falls back to storage. Memory is bounded in every case.
 */
export async function* resume<T extends Sequenced>(
  source: ResumableSource<T>,
  { after, signal, capacity = 64, pageSize = 500 }: ResumableOptions,
): AsyncGenerator<readonly Delivery<T>[], void, void> {
  const live = new PushStream<readonly T[]>({ capacity, overflow: 'drop-all' });
  const stopListening = await source.listen({
    onItems: (items) => live.push(items),
    onLost: () => {
      live.markLost();
    },
  });
  const end = () => {
    live.end();
  };
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    const position = await findPosition(source, after);
    yield* tail(source, { live, position, pageSize, signal });
  } finally {
    signal.removeEventListener('abort', end);
    stopListening();
  }
}

/** How far a reader is. */
interface Position {
  /** Everything up to here was delivered, or is gone. */
  last: bigint;
  /** Whether something was found to be gone since the last delivery: the next item tells of it. */
  gap: boolean;
}

async function findPosition<T extends Sequenced>(
  source: ResumableSource<T>,
  after: bigint | undefined,
): Promise<Position> {
  const newest = await source.newestSequence();
  const pruned = await source.prunedSequence();
  // When retention has removed everything, only its own mark tells how far the sequence had come.
  const end = newest > pruned ? newest : pruned;
  if (after === undefined) return { last: end, gap: false };
  return after > end ? { last: end, gap: true } : { last: after, gap: false };
}

interface Tail<T> {
  readonly live: PushStream<readonly T[]>;
  readonly position: Position;
  readonly pageSize: number;
  readonly signal: AbortSignal;
}

async function* tail<T extends Sequenced>(
  source: ResumableSource<T>,
  { live, position, pageSize, signal }: Tail<T>,
): AsyncGenerator<readonly Delivery<T>[], void, void> {
  let behind = true;
  while (!signal.aborted) {
    if (behind) yield* catchUp(source, { position, pageSize, signal });
    const batch = await live.take();
    if (!batch) return;
    behind = batch.lost;
    const fresh = batch.lost ? [] : batch.items.flat().filter((item) => item.sequence > position.last);
    if (fresh.length > 0) yield advance(fresh, position);
  }
}

async function* catchUp<T extends Sequenced>(
  source: ResumableSource<T>,
  { position, pageSize, signal }: Omit<Tail<T>, 'live'>,
): AsyncGenerator<readonly Delivery<T>[], void, void> {
  while (!signal.aborted) {
    const page = await readPage(source, position, pageSize);
    if (page.length > 0) yield advance(page, position);
    if (page.length < pageSize) return;
  }
}

async function readPage<T extends Sequenced>(
  source: ResumableSource<T>,
  position: Position,
  pageSize: number,
): Promise<readonly T[]> {
  const page = await source.readAfter(position.last, pageSize);
  // Asked after the page was read: whatever was removed before is then certainly counted.
  const pruned = await source.prunedSequence();
  if (pruned <= position.last) return page;
  // It may have been removed before that read or after it. Read again, what is said to be missing is missing.
  position.last = pruned;
  position.gap = true;
  return source.readAfter(pruned, pageSize);
}

function advance<T extends Sequenced>(items: readonly T[], position: Position): readonly Delivery<T>[] {
  const { gap } = position;
  position.last = items.at(-1)?.sequence ?? position.last;
  position.gap = false;
  return items.map((item, index) => ({ item, gap: gap && index === 0 }));
}
