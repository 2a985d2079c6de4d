import type { Database } from '../../../kernel/database/database.js';
import { assignNode } from '../assignment.js';
import type { Context } from '../context.js';
import type { Resolvers } from '../generated/schema-types.js';
import { coherenceOfNode, toNetworkState } from '../network-state.js';
import { readNodeId, toNodeId } from '../node-id.js';
import type { SampleEvent } from '../samples/sample-stream.js';
import { isDeviceSignal, sourceOf } from '../signal.js';
import type { NetworkOf } from '../network.js';

export interface NodeResolverDeps {
  readonly database: Database;
  readonly nodeCount: number;
  readonly networkOf: NetworkOf;
}

/** Fields of the nodes, of their signals and of the samples of them. */
export function createNodeResolvers({ database, nodeCount, networkOf }: NodeResolverDeps) {
  const findNode = async (id: string, { nodes }: Context) => {
    const index = readNodeId(id);
    return index === undefined ? null : nodes.load(index);
  };

  return {
    Query: {
      node: (_query, { id }, context) => findNode(id, context),
      nodes: async (_query, _arguments, { principal }) => [
        ...(await networkOf(principal.workspace).registry.listNodes()),
      ],
      networkState: async (_query, _arguments, { newestSample }) => {
        const sample = await newestSample();
        return sample ? toNetworkState(sample, nodeCount) : null;
      },
    },
    Mutation: {
      assignNode: async (_mutation, { input }, { principal, forgetNodes }) => {
        const outcome = await assignNode(database, principal.workspace, input);
        forgetNodes();
        networkOf(principal.workspace).sources.refresh();
        return outcome;
      },
      pushNodeState: (_mutation, { input }, { principal }) => networkOf(principal.workspace).pushState(input),
    },
    Subscription: {
      consciousnessMetrics: {
        subscribe: (_subscription, { after }, { principal }) =>
          networkOf(principal.workspace).stream.open(after ?? undefined),
        resolve: (event: SampleEvent) => event,
      },
    },
    Node: {
      __resolveReference: ({ id }, context) => findNode(id, context),
      id: ({ index }) => toNodeId(index),
      device: ({ signal }) => (signal && isDeviceSignal(signal) ? { id: signal.deviceId } : null),
      metric: ({ signal }) => (signal && isDeviceSignal(signal) ? signal.metric : null),
      source: async ({ index, signal }, _arguments, { generatedNodes }) => {
        if ((await generatedNodes()).has(index)) return 'GENERATOR';
        return signal ? sourceOf(signal) : null;
      },
      coherence: async (node, _arguments, { newestSample }) => coherenceOfNode(node, await newestSample()),
    },
    Device: {
      __resolveReference: ({ id }) => ({ id }),
      nodes: ({ id }, _arguments, { nodesOfDevice }) => nodesOfDevice.load(id),
    },
    NetworkState: {
      metrics: async ({ sample, metrics }, { method }, { metricsOf }) =>
        metrics ?? (sample ? metricsOf(sample, method) : null),
    },
    ConsciousnessMetricsEvent: {
      metrics: ({ sample }, _arguments, { measurementsAt }) =>
        measurementsAt.load(sample.sampledAt.toISOString()),
    },
    ConsciousnessSample: {
      simulated: ({ nodes }) => nodes.some(({ simulated }) => simulated === true),
      nodes: ({ nodes }) => [...nodes],
    },
    NodeSample: {
      // A node that has since left the network is still the node of its old samples.
      node: async ({ index }, _arguments, { nodes }) =>
        (await nodes.load(index)) ?? { index, signal: undefined },
      device: ({ deviceId }, _arguments, { devices }) => (deviceId === null ? null : devices.load(deviceId)),
      source: ({ source }) => source ?? 'DEVICE',
      simulated: ({ simulated }) => simulated === true,
      phaseSource: ({ phase, phaseGiven = false }) => {
        if (phase === null) return null;
        return phaseGiven ? 'GIVEN' : 'ANALYTIC';
      },
    },
  } satisfies Resolvers;
}
