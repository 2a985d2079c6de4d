import { useRef, useState } from 'react';
import { useQuery, useStream } from '../client/use-connection.js';
import {
  NETWORK_GRAPH,
  NETWORK_NOW,
  NETWORK_STATES,
  NODE_METRICS,
  type NetworkGraph,
  type NetworkState,
  type NodeMetrics,
} from './documents.js';

interface StateEvent {
  readonly cursor: string;
  readonly gap: boolean;
  readonly state: NetworkState;
}

interface NodesEvent {
  readonly cursor: string;
  readonly gap: boolean;
  readonly nodes: readonly NodeMetrics[];
}

/** The network as it is now. */
export interface LiveNetwork {
  readonly graph: NetworkGraph | undefined;
  readonly state: NetworkState | undefined;
  /** By index. */
  readonly nodes: ReadonlyMap<number, NodeMetrics>;
  /** The updates since the page was opened, oldest first, as far as they are kept. */
  readonly recent: readonly NetworkState[];
  readonly problem: string | undefined;
  readonly reload: () => void;
}

/** How many updates are kept for the plots: five minutes at five a second. */
const KEPT = 1_500;
const GRAPH_EVERY_MS = 30_000;

/** Reads the network's graph, and follows its states and its nodes. */
export function useNetwork(): LiveNetwork {
  const graph = useQuery<NetworkGraph>(NETWORK_GRAPH, {}, GRAPH_EVERY_MS);
  const first = useQuery<{ networkState: NetworkState | null }>(NETWORK_NOW);
  const [state, setState] = useState<NetworkState>();
  const [nodes, setNodes] = useState<ReadonlyMap<number, NodeMetrics>>(new Map());
  const recent = useRef<NetworkState[]>([]);

  const problem = useStream<StateEvent>({
    document: NETWORK_STATES,
    field: 'networkState',
    onEvent: (event) => {
      recent.current = [...recent.current.slice(1 - KEPT), event.state];
      setState(event.state);
    },
  });
  useStream<NodesEvent>({
    document: NODE_METRICS,
    field: 'nodeMetrics',
    onEvent: (event) => {
      setNodes(new Map(event.nodes.map((node) => [node.index, node])));
    },
  });
  return {
    graph: graph.data,
    state: state ?? first.data?.networkState ?? undefined,
    nodes,
    recent: recent.current,
    problem: graph.problem ?? problem,
    reload: graph.reload,
  };
}
