import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { mapIterator } from '../../../kernel/streams/map-iterator.js';
import type { Context } from '../context.js';
import type { Resolvers } from '../generated/schema-types.js';
import type { Measurement } from '../live/measurement.js';
import { weighNodes } from '../metrics/describe-metrics.js';
import type { NodeMetricsModel, NetworkStateModel } from '../models.js';
import type { NetworkOf } from '../network.js';
import type { ItemEvent } from '../streams/stored-stream.js';

export interface MeasurementResolverDeps {
  readonly networkOf: NetworkOf;
  readonly nodeCount: number;
}

/** The network at an update, as the contract has it. */
interface StateEvent {
  readonly cursor: string;
  readonly gap: boolean;
  readonly state: NetworkStateModel;
}

/** The nodes at an update. */
interface NodesEvent {
  readonly cursor: string;
  readonly gap: boolean;
  readonly measuredAt: Date;
  readonly simulated: boolean;
  readonly nodes: NodeMetricsModel[];
}

/** Fields of the live numbers: the streams of the network and of its nodes, and the nodes' weights. */
export function createMeasurementResolvers({ networkOf, nodeCount }: MeasurementResolverDeps) {
  return {
    Query: {
      nodeWeights: async (_query, _arguments, { principal }) => {
        const newest = await networkOf(principal.workspace).currentMeasurement();
        if (!newest) {
          const equal = { weight: 1 / nodeCount, simulated: false };
          return Array.from({ length: nodeCount }, (_, index) => ({ index, ...equal }));
        }
        const { nodes, simulated } = newest.metrics;
        return weighNodes(nodes).map((weight) => ({ ...weight, simulated }));
      },
    },
    Subscription: {
      networkState: {
        subscribe: async (_subscription, { after }, { principal }) => {
          const events = await networkOf(principal.workspace).liveStream.open(after ?? undefined);
          return mapIterator(events, toStateEvent);
        },
        resolve: (event: StateEvent) => event,
      },
      nodeMetrics: {
        subscribe: async (_subscription, { nodes, after }, { principal }) => {
          const wanted = nodes && checkNodes(nodes, nodeCount);
          const events = await networkOf(principal.workspace).liveStream.open(after ?? undefined);
          return mapIterator(events, (event) => toNodesEvent(event, wanted ?? undefined));
        },
        resolve: (event: NodesEvent) => event,
      },
    },
    NodeMetrics: {
      node: ({ index }, _arguments, context) => nodeAt(index, context),
    },
    NodeWeight: {
      node: ({ index }, _arguments, context) => nodeAt(index, context),
    },
  } satisfies Resolvers;
}

/** A node; one that has since left the network is still the node of what was measured of it. */
export async function nodeAt(index: number, { nodes }: Context) {
  return (await nodes.load(index)) ?? { index, signal: undefined };
}

function toStateEvent({ cursor, gap, item }: ItemEvent<Measurement>): StateEvent {
  const { measuredAt, metrics, state } = item;
  return { cursor, gap, state: { ...state, sampledAt: measuredAt, simulated: metrics.simulated, metrics } };
}

function toNodesEvent(
  { cursor, gap, item }: ItemEvent<Measurement>,
  wanted: ReadonlySet<number> | undefined,
): NodesEvent {
  const nodes = item.metrics.nodes.filter(({ index }) => wanted?.has(index) ?? true);
  return { cursor, gap, measuredAt: item.measuredAt, simulated: item.metrics.simulated, nodes };
}

function checkNodes(indexes: readonly number[], nodeCount: number): ReadonlySet<number> {
  const beyond = indexes.find((index) => index < 0 || index >= nodeCount);
  if (beyond === undefined && indexes.length >= 1 && indexes.length <= 64) return new Set(indexes);
  throw new AegisError(
    'BAD_USER_INPUT',
    `nodes: expected 1 to 64 indexes from 0 to ${nodeCount - 1}, got ${beyond ?? `${indexes.length} of them`}.`,
  );
}
