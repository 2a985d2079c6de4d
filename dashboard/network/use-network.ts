import { useEffect, useRef, useState } from 'react';
import { useConnectionState, useQuery, useStream } from '../client/use-connection.js';
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
  /** Whether the first update of the nodes may still be on its way. */
  readonly isWaiting: boolean;
  /** The updates since the page was opened, oldest first, as far as they are kept. */
  readonly recent: readonly NetworkState[];
  /** When the newest of them came, by this device's clock, in milliseconds since 1970; oldest first. */
  readonly arrivals: readonly number[];
  readonly problem: string | undefined;
  readonly reload: () => void;
}

/** How many updates are kept for the plots: five minutes at five a second. */
const KEPT = 1_500;
/** How many arrivals tell how far apart updates usually are. */
const ARRIVALS = 20;
/** How long the first update is waited for, once connected: the network is not measured while nothing comes. In milliseconds. */
const FIRST_WITHIN_MS = 5_000;
const GRAPH_EVERY_MS = 30_000;

/** Reads the network's graph, and follows its states and its nodes. */
export function useNetwork(): LiveNetwork {
  const graph = useQuery<NetworkGraph>(NETWORK_GRAPH, {}, GRAPH_EVERY_MS);
  const first = useQuery<{ networkState: NetworkState | null }>(NETWORK_NOW);
  const [state, setState] = useState<NetworkState>();
  const [nodes, setNodes] = useState<ReadonlyMap<number, NodeMetrics>>(new Map());
  const isLate = useIsLate();
  const recent = useRef<NetworkState[]>([]);
  const arrivals = useRef<number[]>([]);

  const problem = useStream<StateEvent>({
    document: NETWORK_STATES,
    field: 'networkState',
    onEvent: (event) => {
      recent.current = [...recent.current.slice(1 - KEPT), event.state];
      arrivals.current = [...arrivals.current.slice(1 - ARRIVALS), Date.now()];
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
    isWaiting: nodes.size === 0 && !isLate,
    recent: recent.current,
    arrivals: arrivals.current,
    problem: graph.problem ?? problem,
    reload: graph.reload,
  };
}

/** Whether the page has been connected for so long that a first update would have come. */
function useIsLate(): boolean {
  const { kind } = useConnectionState();
  const [isLate, setIsLate] = useState(false);
  useEffect(() => {
    if (kind !== 'connected') return undefined;
    const timer = setTimeout(() => {
      setIsLate(true);
    }, FIRST_WITHIN_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [kind]);
  return isLate;
}
