import { decodeCursor, encodeCursor } from '../../../kernel/events/cursor.js';
import { resume, type ResumableSource, type Sequenced } from '../../../kernel/events/resumable-stream.js';
import { BATCH, type Batched } from '../../../kernel/streams/batch.js';
import type { ReadingModel } from '../models.js';
import type { LiveReading, ReadingListener } from './live-readings.js';
import type { ReadingFilter, StoredReadings } from './stored-readings.js';

/** A reading on its way to a subscriber. */
export interface ReadingEvent extends Batched {
  readonly cursor: string;
  /** Whether readings between the event before and this one have been removed by retention. */
  readonly gap: boolean;
  readonly reading: ReadingModel;
}

export interface ReadingStreamOptions {
  readonly filter: ReadingFilter;
  /** The cursor of the last event that was seen; undefined begins with the next reading. */
  readonly after: string | undefined;
}

export interface ReadingStreamDeps {
  readonly stored: StoredReadings;
  /** Begins to listen to the workspace's live readings; the returned function ends it. */
  readonly listen: (listener: ReadingListener) => () => void;
}

/** Names this stream in its cursors. */
const CURSOR_KIND = 'rdg';

/** How many readings one statement looks at when some of them are filtered out. */
const FILTERED_SPAN = 5_000;

/**
 * Opens a workspace's stream of readings: what was missed from storage, then the live ones, each once and in the order
 * of commit. Ends at once when its `return()` is called.
 *
 * Errors: BAD_USER_INPUT when `after` is no cursor of this stream.
 */
export function openReadingStream(
  deps: ReadingStreamDeps,
  { filter, after }: ReadingStreamOptions,
): AsyncIterableIterator<ReadingEvent> {
  const position = after === undefined ? {} : { after: decodeCursor(CURSOR_KIND, after) };
  const controller = new AbortController();
  const { signal } = controller;
  const source = createReadingSource(deps, filter, signal);
  const events = toEvents(resume(source, { ...position, signal }));
  const stream: AsyncIterableIterator<ReadingEvent> = {
    next: () => events.next(),
    return: () => {
      // A generator that waits for readings sees its return() only after the next one: the signal reaches it at once.
      controller.abort();
      return events.return();
    },
    [Symbol.asyncIterator]: () => stream,
  };
  return stream;
}

/** A reading, or (without one) the word that everything up to its sequence was looked at and filtered out. */
export interface StreamItem extends Sequenced {
  readonly reading?: ReadingModel;
  /** Whether readings before it have been removed. */
  readonly gap?: boolean;
}

/** Makes what a stream of readings is served from. Reading from it ends with the signal. */
export function createReadingSource(
  { stored, listen }: ReadingStreamDeps,
  filter: ReadingFilter,
  signal: AbortSignal,
): ResumableSource<StreamItem> {
  const passes = createFilter(filter);
  const filtered = filter.deviceIds !== undefined || filter.metrics !== undefined;
  /** Up to where it has been told that readings were removed. */
  let thinned = 0n;
  /** Everything up to here has been handed on, or can be read from storage by whoever lost it. */
  let covered = -1n;

  function cover(sequence: bigint): void {
    if (sequence > covered) covered = sequence;
  }

  return {
    listen({ onItems, onLost }) {
      const stop = listen({
        onReadings(readings) {
          if (hasHole(readings, covered)) onLost();
          const last = readings.at(-1)?.sequence ?? 0n;
          cover(last);
          onItems(filtered ? closeStretch(readings.filter(passes), last) : readings);
        },
        onLost,
      });
      return Promise.resolve(stop);
    },
    async readAfter(sequence, limit) {
      const items: StreamItem[] = [];
      let place = sequence;
      while (!signal.aborted) {
        const page = await stored.readAfter(place, filtered ? FILTERED_SPAN : limit, filter);
        if (page.thinned > place && page.thinned > thinned) {
          thinned = page.thinned;
          items.push({ sequence: place, gap: true });
        }
        for (const { sequence: at, ...reading } of page.readings) items.push({ sequence: at, reading });
        place = page.through;
        cover(place);
        if (page.complete) return closeStretch(items, place);
        if (items.length >= limit) return items;
      }
      return items;
    },
    async newestSequence() {
      const { newest } = await stored.ends();
      cover(newest);
      return newest;
    },
    prunedSequence: async () => (await stored.ends()).pruned,
  };
}

/** Whether a reading is missing before, or between, those that came. */
function hasHole(readings: readonly LiveReading[], covered: bigint): boolean {
  let end = covered;
  for (const { sequence, previousSequence } of readings) {
    if (previousSequence > end) return true;
    if (sequence > end) end = sequence;
  }
  return false;
}

/** Adds the word that everything up to `through` was looked at, so that it is not looked at again. */
function closeStretch(items: StreamItem[], through: bigint): StreamItem[] {
  const last = items.at(-1)?.sequence;
  if (last === undefined || last < through) items.push({ sequence: through });
  return items;
}

function createFilter({ deviceIds, metrics }: ReadingFilter): (live: LiveReading) => boolean {
  const ids = deviceIds && new Set(deviceIds);
  const names = metrics && new Set(metrics);
  return ({ reading: { deviceId, metric } }) => (!ids || ids.has(deviceId)) && (!names || names.has(metric));
}

/** One event for each reading. A gap that was found where readings are filtered out is told with the next event. */
async function* toEvents(
  batches: ReturnType<typeof resume<StreamItem>>,
): AsyncGenerator<ReadingEvent, void, void> {
  let gap = false;
  for await (const batch of batches) {
    for (const { item, gap: before } of batch) {
      gap ||= before || item.gap === true;
      if (!item.reading) continue;
      const cursor = encodeCursor(CURSOR_KIND, item.sequence);
      yield { cursor, gap, reading: item.reading, [BATCH]: batch };
      gap = false;
    }
  }
}
