import { formatNumber } from '../ui/format.js';
import type { NetworkGraph, NetworkState, NodeMetrics } from './documents.js';
import { partsByNode } from './network-drawing.js';
import { HEALTH_WORDS, nodeHealth, signalWords } from './node-state.js';

export interface NodeTableProps {
  readonly graph: NetworkGraph;
  readonly state: NetworkState | undefined;
  readonly nodes: ReadonlyMap<number, NodeMetrics>;
  /** Whether the first update may still be on its way. */
  readonly isWaiting: boolean;
  readonly selected: number | undefined;
  readonly onSelect: (index: number | undefined) => void;
}

/** What the drawing shows, in words and figures. */
export function NodeTable({ graph, state, nodes, isWaiting, selected, onSelect }: NodeTableProps) {
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
          {graph.nodes.map((assigned) => {
            const { index } = assigned;
            const node = nodes.get(index);
            const health = nodeHealth({ assigned, live: node, isWaiting });
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
                <td>{signalWords({ assigned, live: node })}</td>
                <td>
                  <span className={`dot ${health}`} aria-hidden="true" /> {HEALTH_WORDS[health]}
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
