import { formatNumber } from '../ui/format.js';
import type { NetworkGraph, NetworkState, NodeMetrics } from './documents.js';
import { nodeHealth, partsByNode, type NodeHealth } from './network-drawing.js';

export interface NodeTableProps {
  readonly graph: NetworkGraph;
  readonly state: NetworkState | undefined;
  readonly nodes: ReadonlyMap<number, NodeMetrics>;
  readonly selected: number | undefined;
  readonly onSelect: (index: number | undefined) => void;
}

const HEALTH = {
  unknown: 'no signal',
  stale: 'stale',
  invalid: 'not valid',
  simulated: 'simulated',
  reporting: 'reporting',
  good: 'live',
} as const satisfies Record<NodeHealth, string>;

/** What the drawing shows, in words and figures. */
export function NodeTable({ graph, state, nodes, selected, onSelect }: NodeTableProps) {
  const parts = partsByNode(state);
  return (
    <div className="scroll" role="region" aria-label="Table of nodes" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Node</th>
            <th scope="col">Signal</th>
            <th scope="col">State</th>
            <th scope="col" className="figure">
              φ, bit
            </th>
            <th scope="col" className="figure">
              R
            </th>
            <th scope="col" className="figure">
              C
            </th>
            <th scope="col" className="figure">
              Validity
            </th>
            <th scope="col">Part</th>
          </tr>
        </thead>
        <tbody>
          {graph.nodes.map(({ index, metric, device }) => {
            const node = nodes.get(index);
            const health = nodeHealth(node, metric !== null);
            return (
              <tr key={index} className={selected === index ? 'selected' : ''}>
                <th scope="row">
                  <button
                    type="button"
                    className="link"
                    aria-pressed={selected === index}
                    onClick={() => {
                      onSelect(selected === index ? undefined : index);
                    }}
                  >
                    {index}
                  </button>
                </th>
                <td>{signalOf(node, device?.name, metric)}</td>
                <td>
                  <span className={`dot ${health}`} aria-hidden="true" /> {HEALTH[health]}
                </td>
                <td className="figure">{formatNumber(node?.phi)}</td>
                <td className="figure">{formatNumber(node?.coherence)}</td>
                <td className="figure">{formatNumber(node?.level)}</td>
                <td className="figure">{formatNumber(node?.validity)}</td>
                <td>{parts.has(index) ? (parts.get(index) === 0 ? 'A' : 'B') : '–'}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function signalOf(node: NodeMetrics | undefined, device: string | undefined, metric: string | null): string {
  if (node?.source === 'GENERATOR') return 'generator';
  if (node?.source === 'STATE') return 'pushed state';
  return metric === null ? 'none' : `${device ?? 'removed device'} · ${metric}`;
}
