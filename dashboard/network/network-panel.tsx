import { useState } from 'react';
import { Empty, Loading, Panel, Problem } from '../ui/panel.js';
import { useNow } from '../ui/use-now.js';
import { formatAge } from '../ui/format.js';
import type { MetricKey } from './documents.js';
import { MetricCards } from './metric-cards.js';
import { MetricHistoryPlot } from './metric-history.js';
import { NetworkDrawing } from './network-drawing.js';
import { NodeTable } from './node-table.js';
import { useNetwork, type LiveNetwork } from './use-network.js';

/** After how long without an update what is shown counts as stale, in milliseconds. */
const STALE_MS = 5_000;

/** The network: its graph drawn live, its numbers, and how they went. */
export function NetworkPanel() {
  const network = useNetwork();
  const [selected, setSelected] = useState<number>();
  const [metric, setMetric] = useState<MetricKey>('phi');
  const { graph, state, nodes, recent, problem, reload } = network;
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
            <NetworkDrawing {...{ graph, state, nodes, selected }} onSelect={setSelected} />
            <Legend />
          </div>
          <div className="network-side">
            <MetricHistoryPlot metricKey={metric} recent={recent} thresholds={graph.networkThresholds} />
            {graph.nodes.every(({ metric: signal }) => signal === null) && nodes.size === 0 ? (
              <Empty title="No node has a signal yet">
                Register a device and give its metrics to nodes with <code>assignNode</code>, push states with{' '}
                <code>pushNodeState</code>, or start the generator with <code>startGenerator</code>.
              </Empty>
            ) : (
              <NodeTable {...{ graph, state, nodes, selected }} onSelect={setSelected} />
            )}
          </div>
        </div>
      ) : problem ? null : (
        <Loading what="the network" />
      )}
    </Panel>
  );
}

function Freshness({ network: { state } }: { readonly network: LiveNetwork }) {
  const now = useNow();
  if (!state) return null;
  const ageMs = now - Date.parse(state.sampledAt);
  return (
    <>
      {state.simulated ? <span className="badge simulated">simulated</span> : null}
      {ageMs > STALE_MS ? (
        <span className="badge stale">stale: {formatAge(ageMs)} old</span>
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
        <span className="dot stale" aria-hidden="true" /> stale
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
