import type { WorkspaceId } from '../identity/principal.js';
import { BATCH, type Batched } from '../streams/batch.js';
import { interruptible } from '../streams/interruptible.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import { EVENTS_TOPIC, type CloudEvent, type EventLog } from './event-log.js';
import type { LiveBus } from './live-bus.js';
import { resume, type ResumableSource, type Sequenced } from './resumable-stream.js';

/** A fact on its way to a subscriber. */
export interface FactDelivery extends Batched {
  /** Names this delivery: given as `after`, the stream goes on behind it. */
  readonly cursor: string;
  /** Whether facts between the one before and this one have been removed by retention. */
  readonly gap: boolean;
  readonly event: CloudEvent;
}

export interface FactStreamDeps {
  readonly log: EventLog;
  readonly bus: LiveBus;
}

export interface FactStreamOptions {
  readonly workspace: WorkspaceId;
  /** Three lower-case letters that name the stream in its cursors. */
  readonly kind: string;
  /** Which facts the stream is about. */
  readonly passes: (event: CloudEvent) => boolean;
  /** The cursor of the last delivery that was seen; undefined begins with the next fact. */
  readonly after: string | undefined;
}

/**
 * Names the present end of the log in a stream: read before a list of what facts tell of, and given as `after`, it lets
 * nothing fall between the list and the stream. What happened meanwhile may be in both.
 */
export async function cursorAtEnd(log: EventLog, workspace: WorkspaceId, kind: string): Promise<string> {
  return encodeCursor(kind, (await log.ends(workspace)).newest);
}

/** A fact that passes or, without one, the word that everything up to its sequence was looked at. */
interface Item extends Sequenced {
  readonly event?: CloudEvent;
}

/**
 * Opens the log of facts as a stream: what was missed, then what comes, each once and in order. Ends at once when its
 * `return()` is called. The bus only says that the log has grown: every fact is read from the log.
 *
 * Errors: BAD_USER_INPUT when `after` is no cursor of this stream.
 */
export function openFactStream(
  { log, bus }: FactStreamDeps,
  { workspace, kind, passes, after }: FactStreamOptions,
): AsyncIterableIterator<FactDelivery> {
  const position = after === undefined ? {} : { after: decodeCursor(kind, after) };
  const ending = new AbortController();
  const source: ResumableSource<Item> = {
    listen: ({ onLost }) => bus.listen({ workspace, name: EVENTS_TOPIC }, { onMessages: onLost, onLost }),
    async readAfter(sequence, limit) {
      const events = await log.readAfter(workspace, sequence, limit);
      return events.map((event) => ({ sequence: event.sequence, ...(passes(event) ? { event } : {}) }));
    },
    newestSequence: async () => (await log.ends(workspace)).newest,
    prunedSequence: async () => (await log.ends(workspace)).pruned,
  };
  const deliveries = toDeliveries(kind, resume(source, { ...position, signal: ending.signal }));
  return interruptible({
    next: () => deliveries.next(),
    return() {
      // A generator that waits for a fact takes notice of its own return() only when one has come.
      ending.abort();
      return deliveries.return();
    },
  });
}

async function* toDeliveries(
  kind: string,
  batches: ReturnType<typeof resume<Item>>,
): AsyncGenerator<FactDelivery, void, void> {
  let gap = false;
  for await (const batch of batches) {
    for (const { item, gap: before } of batch) {
      gap ||= before;
      if (!item.event) continue;
      yield { cursor: encodeCursor(kind, item.sequence), gap, event: item.event, [BATCH]: batch };
      gap = false;
    }
  }
}
