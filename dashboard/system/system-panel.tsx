import { useRef, useState } from 'react';
import { useQuery } from '../client/use-connection.js';
import type { Reading } from '../devices/documents.js';
import { useLiveReadings } from '../devices/use-live-readings.js';
import { formatValue } from '../ui/format.js';
import { Empty, Loading, Panel, Problem } from '../ui/panel.js';
import { TimePlot } from '../ui/time-plot.js';
import { WhatIsThis } from '../ui/what-is-this.js';
import { SYSTEM, type SystemAnswer, type SystemDevice } from './documents.js';

/** The process's own numbers that are shown, in this order, in plain words. */
const SHOWN = [
  {
    metric: 'requests',
    name: 'Requests',
    about: 'GraphQL operations answered in a second: queries, mutations, and subscriptions as they begin.',
  },
  {
    metric: 'request-time',
    name: 'Time of a request',
    about: 'The mean time from an operation to its response.',
  },
  { metric: 'sockets', name: 'Sockets', about: 'Open WebSocket connections, this page’s among them.' },
  {
    metric: 'deliveries',
    name: 'Deliveries',
    about: 'Events of subscriptions handed to clients in a second.',
  },
  { metric: 'readings', name: 'Readings', about: 'Readings of devices stored in a second.' },
  {
    metric: 'event-loop-lag',
    name: 'Lag',
    about:
      'How late the process came to what was due, for the slowest one in a hundred. Above some 50 ms everything feels slow.',
  },
  {
    metric: 'cpu',
    name: 'Processor',
    about: 'Processor time in percent of one processor; above 100 when several threads work.',
  },
  { metric: 'memory-resident', name: 'Memory', about: 'Memory that the process holds.' },
] as const;

const EVERY_MS = 60_000;
const KEPT = 300;

/** What the system itself does and costs: the readings of the device that it is to itself. */
export function SystemPanel() {
  const answer = useQuery<SystemAnswer>(SYSTEM, {}, EVERY_MS);
  const device = answer.data?.devices.edges[0]?.node;
  return (
    <Panel id="system" title="What the system costs" className="wide">
      {answer.problem ? <Problem message={answer.problem} retry={answer.reload} /> : null}
      {!answer.data && !answer.problem ? <Loading what="the system’s own numbers" /> : null}
      {answer.data && !device ? (
        <Empty title="Not measured here">
          The process measures itself when it is started with its probe: <code>npm start</code> without{' '}
          <code>--no-probe</code>. Otherwise <code>/metrics</code> tells the same to Prometheus.
        </Empty>
      ) : null}
      {device ? <SystemNumbers key={device.id} device={device} /> : null}
    </Panel>
  );
}

function SystemNumbers({ device }: { readonly device: SystemDevice }) {
  const history = useRef(new Map<string, { at: number; value: number }[]>());
  const [, setCount] = useState(0);
  const live = useLiveReadings([device.id], (_id, { metric, measuredAt, value }: Reading) => {
    const points = history.current.get(metric) ?? [];
    points.push({ at: Date.parse(measuredAt), value });
    if (points.length > KEPT) points.splice(0, points.length - KEPT);
    history.current.set(metric, points);
    setCount((count) => count + 1);
  });
  return (
    <ul className="system" aria-label="Numbers of the process">
      {SHOWN.map(({ metric, name, about }) => {
        const newest =
          live.get(`${device.id} ${metric}`) ?? device.latest.find((reading) => reading.metric === metric);
        const points = history.current.get(metric) ?? [];
        return (
          <li key={metric}>
            <div className="card-head">
              <span>{name}</span>
              <WhatIsThis about={name}>{about}</WhatIsThis>
            </div>
            <p className="number">{newest ? formatValue(newest.value, newest.unit) : '–'}</p>
            {points.length > 1 && newest ? (
              <TimePlot
                title={`${name} since this page was opened`}
                instants={points.map(({ at }) => at)}
                lines={[{ label: name, values: points.map(({ value }) => value), colour: '--accent' }]}
                unit={newest.unit}
                height={90}
              />
            ) : null}
          </li>
        );
      })}
    </ul>
  );
}
