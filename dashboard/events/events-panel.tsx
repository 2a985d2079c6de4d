import { useState } from 'react';
import { useQuery, useStream } from '../client/use-connection.js';
import { formatNumber, formatTime } from '../ui/format.js';
import { Empty, Loading, Panel, Problem } from '../ui/panel.js';
import { WhatIsThis } from '../ui/what-is-this.js';
import { EVENT_FEED, EVENTS, METRICS_AROUND, type Fact, type MetricsAroundAnswer } from './documents.js';
import { factSentence } from './fact-sentence.js';

interface FeedEvent {
  readonly cursor: string;
  readonly gap: boolean;
  readonly event: Fact;
}

/** Facts that may be looked at alone. */
interface Kind {
  readonly name: string;
  /** All of them when undefined. */
  readonly types: readonly string[] | undefined;
  /** What is said while there is none. */
  readonly none: { readonly title: string; readonly about: string };
}

const KINDS = [
  {
    name: 'All',
    types: undefined,
    none: {
      title: 'Nothing has happened yet',
      about: 'Registering a device or raising an alarm is an event.',
    },
  },
  {
    name: 'Devices',
    types: ['aegis.device.*'],
    none: {
      title: 'No event of a device yet',
      about: 'A device that is registered, changed or removed, that connects or disconnects, is one.',
    },
  },
  {
    name: 'Alarms',
    types: ['aegis.alarm.*'],
    none: {
      title: 'No event of an alarm yet',
      about: 'An alarm that is raised, acknowledged or has ended is one.',
    },
  },
  {
    name: 'Network',
    types: ['aegis.network.*'],
    none: {
      title: 'No event of the network yet',
      about: 'A number beyond its limit or out of the ordinary, and a node that is not believed, is one.',
    },
  },
  {
    name: 'Commands',
    types: ['aegis.command.*'],
    none: {
      title: 'No event of a command yet',
      about: 'A command that is sent to a device, arrives, is carried out or fails is one.',
    },
  },
] as const satisfies readonly Kind[];

const KEPT = 100;
/** How far around a fact the network's numbers are looked at, and how often while that is not over, in milliseconds. */
const AROUND_MS = 60_000;
const AGAIN_MS = 10_000;

/** Facts of the event log, newest first, in plain sentences. */
export function EventsPanel() {
  const [kind, setKind] = useState<Kind>(KINDS[0]);
  return (
    <Panel
      id="events"
      title="Events"
      aside={
        <div className="segments" role="group" aria-label="Kind of events">
          {KINDS.map((one) => (
            <button
              key={one.name}
              type="button"
              aria-pressed={one === kind}
              onClick={() => {
                setKind(one);
              }}
            >
              {one.name}
            </button>
          ))}
        </div>
      }
    >
      <EventFeed key={kind.name} kind={kind} />
    </Panel>
  );
}

function EventFeed({ kind: { types, none } }: { readonly kind: Kind }) {
  const variables = types ? { filter: { types } } : {};
  const stored = useQuery<{ events: { edges: readonly { node: Fact }[]; feedCursor: string } }>(
    EVENTS,
    variables,
  );
  const [fresh, setFresh] = useState<readonly Fact[]>([]);
  const [gap, setGap] = useState(false);
  const [open, setOpen] = useState<string>();
  const problem = useStream<FeedEvent>({
    document: EVENT_FEED,
    variables,
    field: 'eventFeed',
    from: stored.data?.events.feedCursor,
    onEvent: ({ event, gap: missed }) => {
      if (missed) setGap(true);
      setFresh((before) => [event, ...before].slice(0, KEPT));
    },
  });
  const known = new Set(fresh.map(({ id }) => id));
  const facts = [
    ...fresh,
    ...(stored.data?.events.edges ?? []).map(({ node }) => node).filter(({ id }) => !known.has(id)),
  ];
  const trouble = stored.problem ?? problem;
  if (trouble !== undefined && facts.length === 0) return <Problem message={trouble} retry={stored.reload} />;
  if (!stored.data && facts.length === 0) return <Loading what="events" />;
  if (facts.length === 0) {
    return <Empty title={none.title}>{none.about}</Empty>;
  }
  return (
    <>
      {gap ? (
        <p className="soft" role="status">
          Some events were removed by retention before they could be shown here.
        </p>
      ) : null}
      <ol className="feed scroll" aria-label="Events, newest first" tabIndex={0}>
        {facts.map((fact) => (
          <li key={fact.id}>
            <button
              type="button"
              className="link fact"
              aria-expanded={open === fact.id}
              onClick={() => {
                setOpen(open === fact.id ? undefined : fact.id);
              }}
            >
              <time dateTime={fact.time}>{formatTime(fact.time)}</time>
              <span>{factSentence(fact)}</span>
            </button>
            {open === fact.id ? <FactDetail fact={fact} /> : null}
          </li>
        ))}
      </ol>
    </>
  );
}

function FactDetail({ fact }: { readonly fact: Fact }) {
  // The minute after a fact that has just happened is still to come.
  const isFresh = Date.now() - Date.parse(fact.time) < AROUND_MS;
  const around = useQuery<MetricsAroundAnswer>(
    METRICS_AROUND,
    { eventId: fact.id },
    isFresh ? AGAIN_MS : undefined,
  );
  const changes = around.data?.metricsAround?.changes ?? [];
  return (
    <div className="detail">
      <details>
        <summary>As the log has it</summary>
        <pre tabIndex={0} aria-label="Data of the event">
          {JSON.stringify({ type: fact.type, subject: fact.subject, data: fact.data }, undefined, 2)}
        </pre>
      </details>
      {changes.length > 0 ? (
        <table>
          <caption>
            The network’s numbers in the minute before and after{' '}
            <WhatIsThis about="before and after">
              The means of each number in the minute before this event and the minute from it on. That they
              changed is no proof that the event changed them. A change beyond ±3.5 is out of the ordinary for
              a number that moves about as it did before.
            </WhatIsThis>
          </caption>
          <thead>
            <tr>
              <th scope="col">Number</th>
              <th scope="col" className="figure">
                Before
              </th>
              <th scope="col" className="figure">
                After
              </th>
              <th scope="col" className="figure">
                Change
              </th>
            </tr>
          </thead>
          <tbody>
            {changes.map(({ metric, before, after, robustZ }) => (
              <tr key={metric}>
                <th scope="row">{metric.toLowerCase().replaceAll('_', ' ')}</th>
                <td className="figure">{formatNumber(before?.mean)}</td>
                <td className="figure">{formatNumber(after?.mean)}</td>
                <td className="figure">{robustZ === null ? '–' : `${formatNumber(robustZ)} σ`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </div>
  );
}
