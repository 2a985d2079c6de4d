import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { decodeCursor, encodeCursor } from '../../../../kernel/events/cursor.js';
import type { LiveBus } from '../../../../kernel/events/live-bus.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import { interruptible } from '../../../../kernel/streams/interruptible.js';
import { PushStream } from '../../../../kernel/streams/push-stream.js';
import type { RunEventModel, RunModel } from '../models.js';

/** The live topic of runs: a message is the id of one that has changed. */
const RUNS_TOPIC = 'devices.runs';
const KIND = 'run';
/** How often a run is looked at even when nothing was announced, in milliseconds. */
const POLL_MS = 5_000;

export interface RunStreamDeps {
  readonly bus: LiveBus;
  readonly find: (workspace: WorkspaceId, id: string) => Promise<RunModel | undefined>;
}

/** Says that a run has changed; a lost word only makes its readers late. */
export function createRunAnnouncer(bus: LiveBus): (workspace: WorkspaceId, id: string) => void {
  return (workspace, id) => {
    void bus.publish({ workspace, name: RUNS_TOPIC }, [id]).catch(() => undefined);
  };
}

/**
 * The state of a run now and after each change, until it has ended.
 *
 * Errors: BAD_USER_INPUT when `after` is no cursor of this stream, NOT_FOUND when there is no such run.
 */
export async function openRunStream(
  { bus, find }: RunStreamDeps,
  workspace: WorkspaceId,
  { id, after }: { readonly id: string; readonly after: string | undefined },
): Promise<AsyncIterableIterator<RunEventModel>> {
  const seen = after === undefined ? -1n : decodeCursor(KIND, after);
  if (!(await find(workspace, id))) {
    throw new AegisError('NOT_FOUND', `id: there is no run ${JSON.stringify(id.slice(0, 64))}.`);
  }
  const wakes = new PushStream<true>({ capacity: 1, overflow: 'drop-all' });
  const stopListening = await bus.listen(
    { workspace, name: RUNS_TOPIC },
    {
      onMessages: (ids) => {
        if (ids.includes(id)) wakes.push(true);
      },
      onLost: () => wakes.push(true),
    },
  );
  const timer = setInterval(() => wakes.push(true), POLL_MS);
  timer.unref();
  const stream = interruptible(follow());
  return stream;

  async function* follow(): AsyncGenerator<RunEventModel, void, void> {
    let revision = seen;
    try {
      for (;;) {
        const run = await find(workspace, id);
        if (!run) return;
        if (BigInt(run.revision) > revision) {
          revision = BigInt(run.revision);
          yield { cursor: encodeCursor(KIND, revision), run };
        }
        if (run.finishedAt) return;
        if (!(await wakes.take())) return;
      }
    } finally {
      clearInterval(timer);
      stopListening();
      wakes.end();
    }
  }
}
