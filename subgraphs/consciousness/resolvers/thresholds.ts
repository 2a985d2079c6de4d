import type { Resolvers } from '../generated/schema-types.js';
import type { NetworkOf } from '../network.js';

/** Fields of the limits of the network's numbers. */
export function createThresholdResolvers(networkOf: NetworkOf) {
  return {
    Query: {
      networkThresholds: async (_query, _arguments, { principal }) => [
        ...(await networkOf(principal.workspace).thresholds.list()),
      ],
    },
    Mutation: {
      setNetworkThreshold: (_mutation, { input }, { principal }) =>
        networkOf(principal.workspace).thresholds.set(input),
      removeNetworkThreshold: (_mutation, { id }, { principal }) =>
        networkOf(principal.workspace).thresholds.remove(id),
    },
  } satisfies Resolvers;
}
