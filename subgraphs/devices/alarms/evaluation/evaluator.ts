import { EVENTS_TOPIC } from '../../../../kernel/events/event-log.js';
import type { LiveBus } from '../../../../kernel/events/live-bus.js';
import { resume, type ResumableSource, type Sequenced } from '../../../../kernel/events/resumable-stream.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { DutyPlace } from '../../duties/registry.js';
import type { ReadingModel } from '../../models.js';
import { EvaluationSession, type EvaluationSessionDeps } from './session.js';

/** A committed reading, or the word that there is none up to a sequence. */
export interface ReadingItem extends Sequenced {
  readonly reading?: ReadingModel;
}

/** Evaluates a workspace. */
export interface Evaluator {
  /** Goes on behind a place until the signal is aborted. */
  perform(place: DutyPlace, signal: AbortSignal): Promise<void>;
  /** Which rules look at a device may have changed. */
  deviceChanged(id: string): void;
}

export interface EvaluatorDeps extends EvaluationSessionDeps {
  readonly workspace: WorkspaceId;
  readonly bus: LiveBus;
  /** Opens the readings of the workspace in the order of commit. */
  readonly openSource: (signal: AbortSignal) => ResumableSource<ReadingItem>;
  /** Removes cleared alarms that are past their time; called about once an hour. */
  readonly prune: () => Promise<void>;
  /** How often the clock is looked at, in milliseconds. */
  readonly tickMs?: number;
}

const TICK_MS = 1_000;
const PRUNE_MS = 3_600_000;

/**
 * Makes the work of evaluating a workspace: it goes on behind the place where the last one wrote, follows readings as
 * they are committed, and looks at the clock. It ends with the signal; what it throws has changed nothing that is not
 * written, and so it may begin anew.
 */
export function createEvaluator(deps: EvaluatorDeps): Evaluator {
  const { workspace, registry, bus, openSource, prune, tickMs = TICK_MS } = deps;
  let current: EvaluationSession | undefined;

  async function perform(place: DutyPlace, signal: AbortSignal): Promise<void> {
    const after = place.sequence ?? (await registry.newestSequence(workspace));
    const session = new EvaluationSession(deps, after);
    current = session;
    await session.open();
    const ended = new AbortController();
    const line = createLine(ended);
    const onEnd = () => {
      ended.abort();
    };
    signal.addEventListener('abort', onEnd, { once: true });
    if (signal.aborted) onEnd();
    const tick = () => {
      line.addOnce('tick', () => session.tick());
    };
    const onFacts = () => {
      session.factsCame();
      tick();
    };
    const stopListening = await bus.listen(
      { workspace, name: EVENTS_TOPIC },
      { onMessages: onFacts, onLost: onFacts },
    );
    const timers = [setInterval(tick, tickMs), setInterval(() => line.addOnce('prune', prune), PRUNE_MS)];
    try {
      line.addOnce('prune', prune);
      for await (const batch of resume(openSource(ended.signal), { after, signal: ended.signal })) {
        await line.add(() => session.take(batch.map(({ item }) => item)));
      }
    } finally {
      ended.abort();
      stopListening();
      for (const timer of timers) clearInterval(timer);
      signal.removeEventListener('abort', onEnd);
      await line.idle();
    }
    line.throwFailure();
    await session.flush();
  }

  return {
    perform,
    deviceChanged: (id) => current?.deviceChanged(id),
  };
}

/** Works that are done one after the other. The first that fails ends them all. */
function createLine(ended: AbortController) {
  const waiting = new Set<string>();
  let last: Promise<void> = Promise.resolve();
  let failure: { readonly error: unknown } | undefined;

  function add(work: () => Promise<void>): Promise<void> {
    last = last.then(async () => {
      if (failure ?? ended.signal.aborted) return;
      try {
        await work();
      } catch (error) {
        failure = { error };
        ended.abort();
      }
    });
    return last;
  }

  return {
    add,
    /** Not once more while it still waits for its turn. */
    addOnce(name: string, work: () => Promise<void>): void {
      if (waiting.has(name)) return;
      waiting.add(name);
      void add(() => {
        waiting.delete(name);
        return work();
      });
    },
    idle: () => last,
    throwFailure() {
      if (failure) throw failure.error;
    },
  };
}
