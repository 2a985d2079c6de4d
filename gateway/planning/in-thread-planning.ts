import { composeSubgraphTexts } from '../supergraph/compose.js';
import { extractSubgraphs } from '../supergraph/extract-subgraphs.js';
import { readSupergraph } from '../supergraph/read-supergraph.js';
import { createSnapshot } from '../supergraph/snapshot.js';
import { createApolloPlanner } from './apollo-planner.js';
import { PlanningFailed } from './planner.js';
import type { PlannedSupergraph, Planning } from './planning.js';

/** Planning on the thread that asks for it, for tests and for places without threads: nobody else is served meanwhile. */
export function createInThreadPlanning(): Planning {
  return {
    open: async (sdl) => openInThread(sdl),
    compose: async (subgraphs) => composeSubgraphTexts(subgraphs),
    extractSubgraphs: async (sdl) => extractSubgraphs(sdl),
    close: () => Promise.resolve(),
  };
}

/** Reads a supergraph and plans in the thread that asks for it. Errors: SupergraphInvalid. */
export function planInThread(supergraphSdl: string): {
  readonly supergraph: PlannedSupergraph;
  readonly planning: Planning;
} {
  return { supergraph: openInThread(supergraphSdl), planning: createInThreadPlanning() };
}

function openInThread(sdl: string): PlannedSupergraph {
  const { supergraph, facts } = readSupergraph(sdl);
  const planner = createApolloPlanner(sdl, supergraph);
  return {
    snapshot: createSnapshot(sdl, facts),
    planner: {
      async plan(request) {
        try {
          return planner.plan(request);
        } catch (error) {
          throw new PlanningFailed(error instanceof Error ? error.message : String(error), { cause: error });
        }
      },
    },
    close: () => undefined,
  };
}
