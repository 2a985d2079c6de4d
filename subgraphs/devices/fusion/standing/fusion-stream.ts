import { decodeCursor, encodeCursor } from '../../../../kernel/events/cursor.js';
import type { LiveBus } from '../../../../kernel/events/live-bus.js';
import { resume, type ResumableSource, type Sequenced } from '../../../../kernel/events/resumable-stream.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import { interruptible } from '../../../../kernel/streams/interruptible.js';
import type { FusedReadingEventModel, StoredPoint } from './models.js';
import type { StandingFusionRegistry } from './registry.js';
import { FUSIONS_TOPIC } from './runner.js';

export interface FusionStreamDeps {
  readonly workspace: WorkspaceId;
  readonly bus: LiveBus;
  readonly registry: StandingFusionRegistry;
  /** How often storage is looked into even when nothing was announced, in milliseconds. */
  readonly pollMs?: number;
}

export interface FusionStreamOptions {
  readonly id: string;
  /** The cursor of the last event that was seen; undefined begins with the next point. */
  readonly after: string | undefined;
}

interface PointItem extends Sequenced {
  readonly point: StoredPoint;
}

/** Names this stream in its cursors. */
const CURSOR_KIND = 'fus';
const POLL_MS = 5_000;

/**
 * Opens the points of a standing fusion: what was missed from storage, then what is computed, each once and in order. The
 * instant of a point, in milliseconds since 1970, is its sequence, as points are computed in the order of time.
 *
 * Errors: BAD_USER_INPUT when `after` is no cursor of this stream.
 */
export function openFusionStream(
  deps: FusionStreamDeps,
  { id, after }: FusionStreamOptions,
): AsyncIterableIterator<FusedReadingEventModel> {
  const position = after === undefined ? {} : { after: decodeCursor(CURSOR_KIND, after) };
  const ending = new AbortController();
  const events = toEvents(resume(createSource(deps, id), { ...position, signal: ending.signal }));
  return interruptible({
    next: () => events.next(),
    return() {
      // A generator that waits for a point takes notice of its own return() only when it has come.
      ending.abort();
      return events.return();
    },
  });
}

/** The bus only says that there are new points: they are read from storage. */
function createSource(
  { workspace, bus, registry, pollMs = POLL_MS }: FusionStreamDeps,
  id: string,
): ResumableSource<PointItem> {
  const find = async () => (await registry.find(workspace, [id]))[0];
  return {
    async listen({ onLost }) {
      const onMessages = (ids: readonly unknown[]) => {
        if (ids.includes(id)) onLost();
      };
      const stop = await bus.listen({ workspace, name: FUSIONS_TOPIC }, { onMessages, onLost });
      const timer = setInterval(onLost, pollMs);
      timer.unref();
      return () => {
        stop();
        clearInterval(timer);
      };
    },
    async readAfter(sequence, limit) {
      const from = new Date(Number(sequence) + 1);
      const points = await registry.points(workspace, id, { from, to: undefined, limit });
      return points.map((point) => ({ sequence: BigInt(point.at.getTime()), point }));
    },
    async newestSequence() {
      const fusion = await find();
      return fusion ? BigInt(fusion.nextAt.getTime() - 1) : 0n;
    },
    prunedSequence: async () => BigInt((await find())?.prunedAt?.getTime() ?? 0),
  };
}

async function* toEvents(
  batches: ReturnType<typeof resume<PointItem>>,
): AsyncGenerator<FusedReadingEventModel, void, void> {
  for await (const batch of batches) {
    for (const { item, gap } of batch) {
      const { point, sequence } = item;
      yield { cursor: encodeCursor(CURSOR_KIND, sequence), gap, unit: point.unit, point };
    }
  }
}
