import { formatNumber } from '../ui/format.js';
import type { NetworkGraph, NetworkState, NodeMetrics } from './documents.js';
import { nodeHealth } from './node-state.js';
import { project, type Projected } from './project.js';
import { useTurning } from './use-turning.js';

export interface NetworkDrawingProps {
  readonly graph: NetworkGraph;
  readonly state: NetworkState | undefined;
  readonly nodes: ReadonlyMap<number, NodeMetrics>;
  /** Whether the first update may still be on its way. */
  readonly isWaiting: boolean;
  readonly selected: number | undefined;
  readonly onSelect: (index: number | undefined) => void;
}

const SIZE = 440;
const RADIUS = 172;

/**
 * The graph of the network in space. It is turned by dragging or with the arrow keys. Edges are drawn by how constant the
 * phase difference of their nodes is; the two parts of the partition with the least integrated information by their rims.
 */
export function NetworkDrawing(props: NetworkDrawingProps) {
  const { graph, state } = props;
  const { turn, tilt, handlers } = useTurning();
  const places = new Map(
    graph.network.layout.map((place) => [place.index, project(place, turn, tilt)] as const),
  );
  const parts = partsByNode(state);
  return (
    <svg
      className="network-drawing"
      viewBox={`${-SIZE / 2} ${-SIZE / 2} ${SIZE} ${SIZE}`}
      role="img"
      aria-label={describe(graph, state)}
      tabIndex={0}
      {...handlers}
    >
      <Edges {...{ graph, state, places, parts }} />
      <Nodes {...props} {...{ places, parts }} />
    </svg>
  );
}

interface Placed {
  readonly places: ReadonlyMap<number, Projected>;
  readonly parts: ReadonlyMap<number, number>;
}

function Edges({ graph, state, places, parts }: Pick<NetworkDrawingProps, 'graph' | 'state'> & Placed) {
  const lockings = new Map(
    (state?.metrics?.pairs ?? []).map(({ a, b, locking }) => [`${a} ${b}`, locking] as const),
  );
  return graph.network.edges.map(({ a, b }) => {
    const from = places.get(a);
    const to = places.get(b);
    if (!from || !to) return null;
    const locking = lockings.get(`${Math.min(a, b)} ${Math.max(a, b)}`) ?? null;
    const cut = parts.has(a) && parts.has(b) && parts.get(a) !== parts.get(b);
    return (
      <line
        key={`${a} ${b}`}
        className={`edge${locking === null ? ' unknown' : ''}${cut ? ' cut' : ''}`}
        x1={from.x * RADIUS}
        y1={from.y * RADIUS}
        x2={to.x * RADIUS}
        y2={to.y * RADIUS}
        style={{
          strokeWidth: 0.75 + 5 * (locking ?? 0),
          opacity: locking === null ? 0.6 : 0.2 + 0.8 * locking,
        }}
      />
    );
  });
}

function Nodes(props: NetworkDrawingProps & Placed) {
  const { graph, nodes, isWaiting, selected, onSelect, places, parts } = props;
  const assigned = new Map(graph.nodes.map((node) => [node.index, node] as const));
  const farthestFirst = [...places].sort(([, one], [, other]) => one.depth - other.depth);
  return farthestFirst.map(([index, { x, y, depth }]) => {
    const node = nodes.get(index);
    const health = nodeHealth({ assigned: assigned.get(index), live: node, isWaiting });
    const part = `part-${parts.get(index) ?? 'none'}`;
    return (
      <g
        key={index}
        className={`node ${health} ${part}${selected === index ? ' selected' : ''}`}
        transform={`translate(${x * RADIUS} ${y * RADIUS})`}
        onClick={() => {
          onSelect(selected === index ? undefined : index);
        }}
      >
        <circle r={(9 + 9 * (node?.level ?? 0)) * (0.8 + 0.4 * depth)} />
        <text dy="0.35em">{index}</text>
      </g>
    );
  });
}

/** Which part of the partition each node is in: 0 or 1. */
export function partsByNode(state: NetworkState | undefined): ReadonlyMap<number, number> {
  const parts = state?.metrics?.phi?.partition ?? [];
  return new Map(parts.flatMap((part, number) => part.map((index) => [index, number] as const)));
}

function describe({ network }: NetworkGraph, state: NetworkState | undefined): string {
  const numbers = state?.metrics
    ? ` Coherence ${formatNumber(state.metrics.coherence)}, integrated information ${formatNumber(state.metrics.phi?.bits)} bit.`
    : '';
  return `Drawing of the network: ${network.nodeCount} nodes and ${network.edges.length} edges.${numbers} Arrow keys turn it. The table of nodes tells the same.`;
}
