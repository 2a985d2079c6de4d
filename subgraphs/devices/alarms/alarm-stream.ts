import { decodeCursor, encodeCursor } from '../../../kernel/events/cursor.js';
import { EVENTS_TOPIC, type CloudEvent, type EventLog } from '../../../kernel/events/event-log.js';
import type { LiveBus } from '../../../kernel/events/live-bus.js';
import { resume, type ResumableSource } from '../../../kernel/events/resumable-stream.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { interruptible } from '../../../kernel/streams/interruptible.js';
import type { AlarmChange, Severity } from './alarm.js';
import { readAlarmFact, type AlarmFact } from './alarm-fact.js';
import type { AlarmEventModel } from './models.js';

/** Which moves of alarms are meant. */
export interface AlarmEventSelection {
  readonly changes?: readonly AlarmChange[] | undefined;
  readonly severities?: readonly Severity[] | undefined;
  readonly deviceIds?: readonly string[] | undefined;
  readonly ruleIds?: readonly string[] | undefined;
}

export interface AlarmStreamDeps {
  readonly workspace: WorkspaceId;
  readonly log: EventLog;
  readonly bus: LiveBus;
  /** The sequence of the newest fact. */
  readonly newestFact: () => Promise<bigint>;
  /** How often the log is read even when nothing was announced, in milliseconds. */
  readonly pollMs?: number;
}

export interface AlarmStreamOptions {
  readonly selection: AlarmEventSelection;
  /** The cursor of the last event that was seen; undefined begins with the next move. */
  readonly after: string | undefined;
}

/** Names this stream in its cursors. */
const CURSOR_KIND = 'alm';
const POLL_MS = 5_000;

/**
 * Opens the moves of a workspace's alarms, which are facts of the event log: what was missed, then what comes, each once
 * and in order. Ends at once when its `return()` is called.
 *
 * Errors: BAD_USER_INPUT when `after` is no cursor of this stream.
 */
export function openAlarmStream(
  deps: AlarmStreamDeps,
  { selection, after }: AlarmStreamOptions,
): AsyncIterableIterator<AlarmEventModel> {
  const position = after === undefined ? {} : { after: decodeCursor(CURSOR_KIND, after) };
  const ending = new AbortController();
  const events = toEvents(resume(createSource(deps), { ...position, signal: ending.signal }), selection);
  return interruptible({
    next: () => events.next(),
    return() {
      // A generator that waits for a move takes notice of its own return() only when it has come.
      ending.abort();
      return events.return();
    },
  });
}

/** The bus only says that the log has grown: what is in it is read. */
function createSource({
  workspace,
  log,
  bus,
  newestFact,
  pollMs = POLL_MS,
}: AlarmStreamDeps): ResumableSource<CloudEvent> {
  return {
    async listen({ onLost }) {
      const stop = await bus.listen({ workspace, name: EVENTS_TOPIC }, { onMessages: onLost, onLost });
      const timer = setInterval(onLost, pollMs);
      timer.unref();
      return () => {
        stop();
        clearInterval(timer);
      };
    },
    readAfter: (sequence, limit) => log.readAfter(workspace, sequence, limit),
    newestSequence: newestFact,
    // Facts stay.
    prunedSequence: () => Promise.resolve(0n),
  };
}

async function* toEvents(
  batches: ReturnType<typeof resume<CloudEvent>>,
  selection: AlarmEventSelection,
): AsyncGenerator<AlarmEventModel, void, void> {
  const passes = createFilter(selection);
  let gap = false;
  for await (const batch of batches) {
    for (const { item, gap: before } of batch) {
      gap ||= before;
      const fact = readAlarmFact(item);
      if (!fact || !passes(fact)) continue;
      yield { ...fact, cursor: encodeCursor(CURSOR_KIND, item.sequence), gap, at: item.time };
      gap = false;
    }
  }
}

function createFilter({
  changes,
  severities,
  deviceIds,
  ruleIds,
}: AlarmEventSelection): (fact: AlarmFact) => boolean {
  const devices = deviceIds && new Set(deviceIds);
  const rules = ruleIds && new Set(ruleIds);
  return ({ change, alarm }) =>
    (!changes || changes.includes(change)) &&
    (!severities || severities.includes(alarm.severity)) &&
    (!devices || devices.has(alarm.deviceId)) &&
    (!rules || rules.has(alarm.ruleId));
}
