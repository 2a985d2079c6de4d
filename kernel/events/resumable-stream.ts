import { PushStream } from '../streams/push-stream.js';

/** One item of a durable, ordered table. */
export interface Sequenced {
  /** Grows in the order of commit. */
  readonly sequence: bigint;
}

export interface ResumableSource<T extends Sequenced> {
  /** Begins to listen for items as they are committed; the returned function ends it. */
  listen(listener: { onItems(items: readonly T[]): void; onLost(): void }): Promise<() => void>;
  /** The next items after a sequence, oldest first, at most `limit`. */
  readAfter(sequence: bigint, limit: number): Promise<readonly T[]>;
  /** The sequence of the newest committed item, 0 when there is none. */
  newestSequence(): Promise<bigint>;
  /** Up to which sequence items have been removed by retention; 0 when nothing was removed. */
  prunedSequence(): Promise<bigint>;
}

export interface ResumableOptions {
  /** The last item the reader has seen; undefined begins with the next one to be committed. */
  readonly after?: bigint;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  /** The most live batches kept for a reader that lags; beyond it, the reader is served from storage again. */
  readonly capacity?: number;
  readonly pageSize?: number;
}

/** An item, and whether items between it and the one before have been removed by retention. */
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
    const position = { last: after ?? (await source.newestSequence()) };
    yield* tail(source, { live, position, pageSize, signal });
  } finally {
    signal.removeEventListener('abort', end);
    stopListening();
  }
}

interface Tail<T> {
  readonly live: PushStream<readonly T[]>;
  readonly position: { last: bigint };
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
    if (fresh.length > 0) yield advance(fresh, position, false);
  }
}

async function* catchUp<T extends Sequenced>(
  source: ResumableSource<T>,
  { position, pageSize, signal }: Omit<Tail<T>, 'live'>,
): AsyncGenerator<readonly Delivery<T>[], void, void> {
  while (!signal.aborted) {
    const page = await source.readAfter(position.last, pageSize);
    // Asked after the page was read: whatever retention removed in the meantime is then certainly counted.
    const gap = (await source.prunedSequence()) > position.last;
    if (page.length > 0) yield advance(page, position, gap);
    if (page.length < pageSize) return;
  }
}

function advance<T extends Sequenced>(
  items: readonly T[],
  position: { last: bigint },
  gap: boolean,
): readonly Delivery<T>[] {
  position.last = items.at(-1)?.sequence ?? position.last;
  return items.map((item, index) => ({ item, gap: gap && index === 0 }));
}
