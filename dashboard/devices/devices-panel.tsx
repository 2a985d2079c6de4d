import { useDeferredValue, useState } from 'react';
import { useQuery } from '../client/use-connection.js';
import { formatAge, formatValue } from '../ui/format.js';
import { Empty, Loading, Panel, Problem } from '../ui/panel.js';
import { useNow } from '../ui/use-now.js';
import { DEVICES, type Device, type DevicePage } from './documents.js';
import { DeviceSeries } from './device-series.js';
import { readingKey, useLiveReadings, type LiveReadings } from './use-live-readings.js';

const FIRST = 50;
const EVERY_MS = 15_000;
/** How many readings of a device are shown in its row. */
const SHOWN = 3;

/** The devices with their newest readings, live; choosing one plots its metrics. */
export function DevicesPanel() {
  const [search, setSearch] = useState('');
  const wanted = useDeferredValue(search.trim());
  const answer = useQuery<DevicePage>(
    DEVICES,
    { first: FIRST, ...(wanted === '' ? {} : { filter: { nameContains: wanted } }) },
    EVERY_MS,
  );
  const { data, problem } = answer;
  const devices = data?.devices.edges.map(({ node }) => node) ?? [];
  return (
    <Panel
      id="devices"
      title="Devices"
      className="wide"
      aside={<Search value={search} onChange={setSearch} />}
    >
      {problem ? <Problem message={problem} retry={answer.reload} /> : null}
      {data || problem ? null : <Loading what="devices" />}
      {data && devices.length === 0 ? <NoDevices search={wanted} /> : null}
      {devices.length > 0 ? <LiveDevices devices={devices} /> : null}
      {data?.devices.pageInfo.hasNextPage ? (
        <p className="soft">These are the first {FIRST} by name: search for others.</p>
      ) : null}
    </Panel>
  );
}

function Search({ value, onChange }: { readonly value: string; readonly onChange: (value: string) => void }) {
  return (
    <label className="search">
      <span className="visually-hidden">Search devices by name</span>
      <input
        type="search"
        placeholder="Search by name"
        value={value}
        onChange={(event) => {
          onChange(event.target.value);
        }}
      />
    </label>
  );
}

function LiveDevices({ devices }: { readonly devices: readonly Device[] }) {
  const [chosen, setChosen] = useState<Choice>();
  const live = useLiveReadings(devices.map(({ id }) => id));
  const { device, metric } = findChosen(devices, chosen);
  return (
    <div className="devices">
      <DeviceTable
        devices={devices}
        live={live}
        selected={device?.id}
        onSelect={({ id }) => {
          setChosen({ id, metric: undefined });
        }}
      />
      {device && metric !== undefined ? (
        <DeviceSeries
          key={device.id}
          device={device}
          metric={metric}
          onMetric={(name) => {
            setChosen({ id: device.id, metric: name });
          }}
        />
      ) : null}
    </div>
  );
}

interface Choice {
  readonly id: string;
  readonly metric: string | undefined;
}

/** The device and the metric that were chosen, as far as they are there; the first ones otherwise. */
function findChosen(devices: readonly Device[], chosen: Choice | undefined) {
  const device = devices.find(({ id }) => id === chosen?.id) ?? devices[0];
  const names = device?.metrics.map(({ name }) => name) ?? [];
  const wanted = device?.id === chosen?.id ? chosen?.metric : undefined;
  return { device, metric: names.find((name) => name === wanted) ?? names[0] };
}

function NoDevices({ search }: { readonly search: string }) {
  return search === '' ? (
    <Empty title="No devices yet">
      Register one with <code>registerDevice</code> in GraphiQL, then send readings over MQTT, HTTP or CoAP.
    </Empty>
  ) : (
    <Empty title={`No device has “${search}” in its name`} />
  );
}

interface DeviceTableProps {
  readonly devices: readonly Device[];
  readonly live: LiveReadings;
  readonly selected: string | undefined;
  readonly onSelect: (device: Device) => void;
}

function DeviceTable({ devices, live, selected, onSelect }: DeviceTableProps) {
  const now = useNow();
  return (
    <div className="scroll" role="region" aria-label="Table of devices" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Device</th>
            <th scope="col">State</th>
            <th scope="col">Newest readings</th>
            <th scope="col" className="figure">
              Age
            </th>
          </tr>
        </thead>
        <tbody>
          {devices.map((device) => {
            const newest = device.latest.map((one) => live.get(readingKey(device.id, one.metric)) ?? one);
            const last = Math.max(...newest.map(({ measuredAt }) => Date.parse(measuredAt)));
            const connectivity = device.connectivity?.state ?? 'UNKNOWN';
            return (
              <tr key={device.id} className={device.id === selected ? 'selected' : ''}>
                <th scope="row">
                  <button
                    type="button"
                    className="link"
                    aria-pressed={device.id === selected}
                    title={device.description ?? device.name}
                    onClick={() => {
                      onSelect(device);
                    }}
                  >
                    {device.name}
                  </button>
                </th>
                <td>
                  <span className={`dot ${DOTS[connectivity] ?? 'unknown'}`} aria-hidden="true" />{' '}
                  {connectivity.toLowerCase()}
                </td>
                <td>
                  {newest.length === 0 ? (
                    <span className="soft">none yet</span>
                  ) : (
                    <ul className="readings">
                      {newest.slice(0, SHOWN).map(({ metric, value, unit }) => (
                        <li key={metric}>
                          <span className="soft">{metric}</span> {formatValue(value, unit)}
                        </li>
                      ))}
                      {newest.length > SHOWN ? <li className="soft">+{newest.length - SHOWN}</li> : null}
                    </ul>
                  )}
                </td>
                <td className="figure">{Number.isFinite(last) ? formatAge(now - last) : '–'}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

const DOTS: Readonly<Record<string, string>> = { ONLINE: 'good', OFFLINE: 'stale', UNKNOWN: 'unknown' };
