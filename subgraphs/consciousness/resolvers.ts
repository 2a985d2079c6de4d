import type { Database } from '../../kernel/database/database.js';
import type { WorkspaceId } from '../../kernel/identity/principal.js';
import { assignNode } from './assignment.js';
import type { Context } from './context.js';
import type { Resolvers } from './generated/schema-types.js';
import { coherenceOfNode, toNetworkState } from './network-state.js';
import { readNodeId, toNodeId } from './node-id.js';
import type { Registry } from './registry.js';
import type { SampleEvent } from './samples/sample-stream.js';

export interface ResolverDeps {
  readonly database: Database;
  readonly nodeCount: number;
  readonly registryOf: (workspace: WorkspaceId) => Registry;
  readonly openSamples: (
    workspace: WorkspaceId,
    after: string | undefined,
  ) => Promise<AsyncIterableIterator<SampleEvent>>;
}

/** The contract's fields, each by the file that knows its answer. */
export function createResolvers({ database, nodeCount, registryOf, openSamples }: ResolverDeps): Resolvers {
  const findNode = async (id: string, { nodes }: Context) => {
    const index = readNodeId(id);
    return index === undefined ? null : nodes.load(index);
  };

  return {
    Query: {
      node: (_query, { id }, context) => findNode(id, context),
      nodes: async (_query, _arguments, { principal }) => [
        ...(await registryOf(principal.workspace).listNodes()),
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
        return outcome;
      },
    },
    Subscription: {
      consciousnessMetrics: {
        subscribe: (_subscription, { after }, { principal }) =>
          openSamples(principal.workspace, after ?? undefined),
        resolve: (event: SampleEvent) => event,
      },
    },
    Node: {
      __resolveReference: ({ id }, context) => findNode(id, context),
      id: ({ index }) => toNodeId(index),
      device: ({ signal }) => (signal ? { id: signal.deviceId } : null),
      metric: ({ signal }) => signal?.metric ?? null,
      coherence: async (node, _arguments, { newestSample }) => coherenceOfNode(node, await newestSample()),
    },
    Device: {
      __resolveReference: ({ id }) => ({ id }),
      nodes: ({ id }, _arguments, { nodesOfDevice }) => nodesOfDevice.load(id),
    },
    NetworkState: {
      metrics: ({ sample }, _arguments, { metricsOf }) => metricsOf(sample),
    },
    ConsciousnessSample: {
      nodes: ({ nodes }) => [...nodes],
    },
    NodeSample: {
      // A node that has since left the network is still the node of its old samples.
      node: async ({ index }, _arguments, { nodes }) =>
        (await nodes.load(index)) ?? { index, signal: undefined },
      device: ({ deviceId }, _arguments, { devices }) => devices.load(deviceId),
    },
  };
}
