import { useEffect, useRef, useState, type RefObject } from 'react';
import { useConnection, useQuery, useStream } from '../client/use-connection.js';
import { formatTime } from '../ui/format.js';
import { Empty, Loading, Panel, Problem } from '../ui/panel.js';
import {
  ACKNOWLEDGE,
  ALARM_CHANGES,
  OPEN_ALARMS,
  type AcknowledgeAnswer,
  type Alarm,
  type AlarmChange,
  type AlarmPage,
} from './documents.js';

const EVERY_MS = 60_000;
/** How many changes are remembered until all is asked for anew. */
const KEPT = 500;
const SEVERITIES: readonly Alarm['severity'][] = ['CRITICAL', 'MAJOR', 'MINOR', 'WARNING', 'INDETERMINATE'];

/** The open alarms, the worst first, to be acknowledged. */
export function AlarmsPanel() {
  const { alarms, page, problem, announced, note, reload } = useOpenAlarms();
  return (
    <Panel
      id="alarms"
      title="Alarms"
      aside={<Counts alarms={alarms} hasMore={page?.alarms.pageInfo.hasNextPage === true} />}
    >
      <p className="visually-hidden" role="alert">
        {announced}
      </p>
      {problem === undefined ? null : <Problem message={problem} retry={reload} />}
      {page || problem !== undefined ? null : <Loading what="alarms" />}
      {page && alarms.length === 0 ? <NoAlarms hasRules={page.alarmRules.edges.length > 0} /> : null}
      <ul className="alarms scroll" aria-label="Open alarms, the worst first">
        {alarms.map((alarm) => (
          <AlarmItem key={alarm.id} alarm={alarm} onChange={note} />
        ))}
      </ul>
    </Panel>
  );
}

interface OpenAlarms {
  /** The worst first. */
  readonly alarms: readonly Alarm[];
  readonly page: AlarmPage | undefined;
  readonly problem: string | undefined;
  /** What is said aloud of the newest alarm. */
  readonly announced: string;
  /** Takes an alarm as it is now. */
  readonly note: (alarm: Alarm) => void;
  readonly reload: () => void;
}

/** The open alarms as the page asked for them, with what has happened to alarms since. */
function useOpenAlarms(): OpenAlarms {
  const answer = useQuery<AlarmPage>(OPEN_ALARMS, {}, EVERY_MS);
  const [changed, setChanged] = useState<ReadonlyMap<string, Alarm>>(new Map());
  const [announced, setAnnounced] = useState('');

  const note = (alarm: Alarm) => {
    setChanged((before) => new Map([...before, [alarm.id, alarm] as const].slice(-KEPT)));
  };
  const problem = useStream<AlarmChange>({
    document: ALARM_CHANGES,
    field: 'deviceAlarms',
    from: answer.data?.alarms.movesCursor,
    onEvent: ({ change, alarm, gap }) => {
      // What happened in between is not known: everything is asked for anew.
      if (gap) {
        setChanged(new Map());
        answer.reload();
      }
      note(alarm);
      if (change === 'RAISED') setAnnounced(`${alarm.severity.toLowerCase()} alarm: ${alarm.message}`);
    },
  });
  return {
    alarms: join(answer.data?.alarms.edges ?? [], changed),
    page: answer.data,
    problem: answer.problem ?? problem,
    ...{ announced, note },
    reload: answer.reload,
  };
}

function join(edges: AlarmPage['alarms']['edges'], changed: ReadonlyMap<string, Alarm>): readonly Alarm[] {
  const known = new Set(edges.map(({ node }) => node.id));
  return [
    ...edges.map(({ node }) => newer(node, changed.get(node.id))),
    ...[...changed.values()].filter(({ id }) => !known.has(id)),
  ]
    .filter(({ state }) => state !== 'CLEARED')
    .sort(worstFirst);
}

/** An alarm only goes on: from raised to acknowledged to cleared. */
function newer(stored: Alarm, changed: Alarm | undefined): Alarm {
  const steps = ['RAISED', 'ACKNOWLEDGED', 'CLEARED'];
  return changed && steps.indexOf(changed.state) > steps.indexOf(stored.state) ? changed : stored;
}

function worstFirst(one: Alarm, other: Alarm): number {
  const unseen = Number(one.state === 'ACKNOWLEDGED') - Number(other.state === 'ACKNOWLEDGED');
  const severity = SEVERITIES.indexOf(one.severity) - SEVERITIES.indexOf(other.severity);
  return unseen || severity || Date.parse(other.raisedAt) - Date.parse(one.raisedAt);
}

function Counts({ alarms, hasMore }: { readonly alarms: readonly Alarm[]; readonly hasMore: boolean }) {
  const raised = alarms.filter(({ state }) => state === 'RAISED').length;
  if (alarms.length === 0) return null;
  return (
    <span className={`badge ${raised > 0 ? 'urgent' : 'live'}`}>
      {raised} to acknowledge, {hasMore ? 'more than ' : ''}
      {alarms.length} open
    </span>
  );
}

function NoAlarms({ hasRules }: { readonly hasRules: boolean }) {
  return hasRules ? (
    <Empty title="All is well">No alarm is open.</Empty>
  ) : (
    <Empty title="No alarm rules yet">
      Say what should raise an alarm with <code>createAlarmRule</code> in GraphiQL: a limit, a rate, silence
      of a device, a fence on the map, or an expression.
    </Empty>
  );
}

function AlarmItem({
  alarm,
  onChange,
}: {
  readonly alarm: Alarm;
  readonly onChange: (alarm: Alarm) => void;
}) {
  const connection = useConnection();
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const item = useRef<HTMLLIElement>(null);
  const keepFocus = useFocusAfter(item, alarm.state);

  const acknowledge = () => {
    if (busy) return;
    keepFocus();
    setBusy(true);
    connection
      .query<AcknowledgeAnswer>(ACKNOWLEDGE, { input: { id: alarm.id } })
      .then(({ acknowledgeAlarm: { alarm: acknowledged, userErrors } }) => {
        setProblem(userErrors[0]?.message);
        if (acknowledged) onChange(acknowledged);
      })
      .catch((error: unknown) => {
        setProblem(error instanceof Error ? error.message : String(error));
      })
      .finally(() => {
        setBusy(false);
      });
  };

  return (
    <li
      ref={item}
      tabIndex={-1}
      className={`alarm severity-${alarm.severity.toLowerCase()} ${alarm.state.toLowerCase()}`}
    >
      <span className="severity">{alarm.severity.toLowerCase()}</span>
      <div>
        <p className="alarm-message">{alarm.message}</p>
        <p className="soft">
          {alarm.device?.name ?? 'removed device'} · rule {alarm.ruleName} · since{' '}
          <time dateTime={alarm.raisedAt}>{formatTime(alarm.raisedAt)}</time>
          {alarm.acknowledgedAt === null
            ? ''
            : ` · acknowledged by ${alarm.acknowledgedBy ?? 'somebody'} at ${formatTime(alarm.acknowledgedAt)}`}
        </p>
        {problem === undefined ? null : <Problem message={problem} />}
      </div>
      {alarm.state === 'RAISED' ? (
        <button
          type="button"
          aria-disabled={busy}
          onClick={acknowledge}
          onKeyDown={(event) => {
            // A key that is held down acknowledges one alarm, not all of them as the focus goes on.
            if (event.repeat && event.key === 'Enter') event.preventDefault();
          }}
          aria-label={`Acknowledge: ${alarm.message}`}
        >
          Acknowledge
        </button>
      ) : null}
    </li>
  );
}

/**
 * Keeps the focus in the list when the button that had it goes with the acknowledgement: it goes on to the next alarm that is
 * to be acknowledged, and to the alarm itself when there is none.
 *
 * @returns to be called when the button is pressed.
 */
function useFocusAfter(item: RefObject<HTMLLIElement | null>, state: Alarm['state']): () => void {
  const following = useRef<readonly HTMLElement[]>(undefined);
  useEffect(() => {
    const next = following.current;
    if (state === 'RAISED' || !next) return;
    following.current = undefined;
    if (document.activeElement !== document.body) return;
    (next.find(({ isConnected }) => isConnected) ?? item.current)?.focus();
  }, [item, state]);
  return () => {
    const buttons = [...(item.current?.parentElement?.querySelectorAll('button') ?? [])];
    const own = buttons.findIndex((button) => item.current?.contains(button) === true);
    following.current = [...buttons.slice(own + 1), ...buttons.slice(0, own)];
  };
}
