import { interruptible } from '../../kernel/streams/interruptible.js';
import { PushStream } from '../../kernel/streams/push-stream.js';

/** A source of events that a test feeds. */
export interface EventSource<T> {
  /** A stream of its own for each reader. */
  open(): AsyncIterableIterator<T>;
  push(item: T): void;
  /** Ends all streams. */
  end(error?: Error): void;
  readonly readers: number;
  /** Waits until so many read. */
  untilReaders(count: number): Promise<void>;
}

export function createEventSource<T>(): EventSource<T> {
  const streams = new Set<PushStream<T>>();
  const watchers = new Set<() => void>();

  function look(): void {
    for (const watch of watchers) watch();
  }

  function read(stream: PushStream<T>): AsyncIterator<T> {
    const waiting: T[] = [];
    return {
      async next() {
        if (waiting.length === 0) waiting.push(...((await stream.take())?.items ?? []));
        return waiting.length === 0
          ? { value: undefined, done: true }
          : { value: waiting.shift() as T, done: false };
      },
      return() {
        stream.end();
        return Promise.resolve({ value: undefined, done: true });
      },
    };
  }

  return {
    open() {
      const stream = new PushStream<T>({
        capacity: 10_000,
        overflow: 'fail',
        onClose() {
          streams.delete(stream);
          look();
        },
      });
      streams.add(stream);
      look();
      return interruptible(read(stream));
    },
    push(item) {
      for (const stream of streams) stream.push(item);
    },
    end(error) {
      for (const stream of streams) stream.end(error);
    },
    get readers() {
      return streams.size;
    },
    untilReaders(count) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          watchers.delete(watch);
          reject(new Error(`expected ${count} readers, and there are ${streams.size}`));
        }, 5_000);
        const watch = () => {
          if (streams.size !== count) return;
          clearTimeout(timer);
          watchers.delete(watch);
          resolve();
        };
        watchers.add(watch);
        watch();
      });
    },
  };
}
