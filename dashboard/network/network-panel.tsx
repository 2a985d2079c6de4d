import { useState } from 'react';
import { Empty, Loading, Panel, Problem } from '../ui/panel.js';
import { useNow } from '../ui/use-now.js';
import { formatAge } from '../ui/format.js';
import { usualDistance } from '../ui/with-gaps.js';
import type { MetricKey } from './documents.js';
import { MetricCards } from './metric-cards.js';
import { MetricHistoryPlot } from './metric-history.js';
import { NetworkDrawing } from './network-drawing.js';
import { NodeDetail } from './node-detail.js';
import { NodeTable } from './node-table.js';
import { useNetwork, type LiveNetwork } from './use-network.js';

/** After how long without an update what is shown counts as stale, in milliseconds, and in usual distances of updates. */
const STALE_MS = 5_000;
const STALE_PERIODS = 3;

/** The network: its graph drawn live, its numbers, and how they went. */
export function NetworkPanel() {
  const network = useNetwork();
  const [selected, setSelected] = useState<number>();
  const [metric, setMetric] = useState<MetricKey>('phi');
  const { graph, state, nodes, isWaiting, recent, problem, reload } = network;
  return (
    <Panel id="network" title="Network" className="wide" aside={<Freshness network={network} />}>
      {problem ? <Problem message={problem} retry={reload} /> : null}
      <MetricCards
        state={state}
        thresholds={graph?.networkThresholds ?? []}
        selected={metric}
        onSelect={setMetric}
      />
      {graph ? (
        <div className="network">
          <div>
            <NetworkDrawing {...{ graph, state, nodes, isWaiting, selected }} onSelect={setSelected} />
            <Legend />
            {selected === undefined ? (
              <p className="soft">Choose a node for all of its numbers.</p>
            ) : (
              <NodeDetail
                key={selected}
                index={selected}
                assigned={graph.nodes.find(({ index }) => index === selected)}
                live={nodes.get(selected)}
                isWaiting={isWaiting}
              />
            )}
          </div>
          <div className="network-side">
            <MetricHistoryPlot metricKey={metric} recent={recent} thresholds={graph.networkThresholds} />
            {graph.nodes.every(({ source }) => source === null) && nodes.size === 0 ? (
              <Empty title="No node has a signal yet">
                Register a device and give its metrics to nodes with <code>assignNode</code>, push states with{' '}
                <code>pushNodeState</code>, or start the generator with <code>startGenerator</code>.
              </Empty>
            ) : (
              <NodeTable {...{ graph, state, nodes, isWaiting, selected }} onSelect={setSelected} />
            )}
          </div>
        </div>
      ) : problem ? null : (
        <Loading what="the network" />
      )}
    </Panel>
  );
}

/** Told by when updates arrive, so that it does not matter how the clock of this device goes. */
function Freshness({ network: { state, arrivals } }: { readonly network: LiveNetwork }) {
  const now = useNow();
  const last = arrivals.at(-1);
  if (!state) return null;
  const ageMs = last === undefined ? undefined : now - last;
  const usualMs = usualDistance(arrivals.map((at) => ({ at, value: null })));
  const isStale = ageMs === undefined || ageMs > Math.max(STALE_MS, STALE_PERIODS * usualMs);
  return (
    <>
      {state.simulated ? <span className="badge simulated">simulated</span> : null}
      {isStale ? (
        <span className="badge stale">
          {ageMs === undefined ? 'waiting for an update' : `stale for ${formatAge(ageMs)}`}
        </span>
      ) : (
        <span className="badge live">live</span>
      )}
    </>
  );
}

function Legend() {
  return (
    <ul className="legend" aria-label="Legend of the drawing">
      <li>
        <span className="dot good" aria-hidden="true" /> live
      </li>
      <li>
        <span className="dot simulated" aria-hidden="true" /> simulated
      </li>
      <li>
        <span className="dot stale" aria-hidden="true" /> stale: its signal has stopped
      </li>
      <li>
        <span className="dot unknown" aria-hidden="true" /> no signal
      </li>
      <li>
        <span className="dot invalid" aria-hidden="true" /> not valid
      </li>
      <li>
        <span className="rim part-0" aria-hidden="true" /> part A
      </li>
      <li>
        <span className="rim part-1" aria-hidden="true" /> part B of the weakest cut
      </li>
      <li>
        <span className="stroke" aria-hidden="true" /> thicker: more phase locking
      </li>
    </ul>
  );
}
