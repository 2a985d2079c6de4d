import type { Resolvers } from '../generated/schema-types.js';
import type { NetworkGraph } from '../graph/network-graph.js';
import type { NetworkOf } from '../network.js';

export interface NetworkResolverDeps {
  readonly networkOf: NetworkOf;
  readonly graph: NetworkGraph;
}

/** Fields of the graph and of the generator that couples its oscillators along it. */
export function createNetworkResolvers({ networkOf, graph }: NetworkResolverDeps) {
  return {
    Query: {
      network: () => graph,
      generator: (_query, _arguments, { principal }) => networkOf(principal.workspace).generator.read(),
    },
    Mutation: {
      startGenerator: async (_mutation, { input }, { principal }) =>
        toPayload(await networkOf(principal.workspace).generator.start(input)),
      stopGenerator: async (_mutation, _arguments, { principal }) =>
        toPayload(await networkOf(principal.workspace).generator.stop()),
      setGeneratorCoupling: async (_mutation, { coupling }, { principal }) =>
        toPayload(await networkOf(principal.workspace).generator.setCoupling(coupling)),
    },
    Network: {
      edges: ({ edges }) => [...edges],
      layout: ({ layout }) => [...layout],
    },
    Generator: {
      quality: () => 'SIMULATED',
      coupling: ({ parameters }) => parameters.coupling,
      frequencyHz: ({ parameters }) => parameters.frequencyHz,
      spreadHz: ({ parameters }) => parameters.spreadHz,
      noise: ({ parameters }) => parameters.noise,
      amplitudes: ({ parameters }) => parameters.amplitudes,
      adaptive: ({ parameters }) => parameters.adaptive,
      seed: ({ parameters }) => parameters.seed,
      nodes: ({ parameters: { nodes } }) =>
        nodes.length > 0 ? [...nodes] : Array.from({ length: graph.nodeCount }, (_, index) => index),
    },
  } satisfies Resolvers;
}

function toPayload<Row, Refused>({
  row,
  userErrors,
}: {
  readonly row: Row | undefined;
  readonly userErrors: Refused[];
}) {
  return { generator: row ?? null, userErrors };
}
