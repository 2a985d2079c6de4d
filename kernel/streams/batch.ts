/** Names, in an event of a stream, the batch that it came in: the same value for all events of it. */
export const BATCH: unique symbol = Symbol('batch');

/**
 * An event that says which others it came with. Whatever the events of a batch tell of was committed before the first of
 * them is delivered: what is read for one of them is as new as any of them, and may be read once for all.
 */
export interface Batched {
  readonly [BATCH]?: object;
}

/** The batch that an event came in; undefined when it does not say. */
export function batchOf(event: unknown): object | undefined {
  return typeof event === 'object' && event !== null ? (event as Batched)[BATCH] : undefined;
}
