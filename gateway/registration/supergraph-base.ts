import type { SubgraphAddress } from '../supergraph/snapshot.js';
import type { PlannedSupergraph, Planning } from '../planning/planning.js';
import type { SubgraphText } from '../supergraph/compose.js';
import type { CompositionProblem } from '../supergraph/composition-failed.js';
import { withoutAddresses } from './guest-addresses.js';

/** A supergraph to which subgraphs are added. */
export interface SupergraphBase {
  /**
   * The supergraph with these subgraphs added, or in the place of those with their names.
   *
   * Errors: SupergraphInvalid, CompositionFailed.
   */
  composeWith(added: readonly SubgraphText[]): Promise<ComposedWith>;
}

/** What came of it. */
export interface ComposedWith {
  readonly supergraph: PlannedSupergraph;
  readonly hints: readonly CompositionProblem[];
  /** Those of the added that the supergraph itself has not at the same address. */
  readonly guests: readonly SubgraphAddress[];
}

/** Makes one of a supergraph that was composed before, here or elsewhere; its own subgraphs are taken out of it once. */
export function createSupergraphBase(planning: Planning, sdl: string): SupergraphBase {
  let own: readonly SubgraphText[] | undefined;
  return {
    async composeWith(added) {
      if (added.length === 0) return { supergraph: await planning.open(sdl), hints: [], guests: [] };
      own ??= await planning.extractSubgraphs(sdl);
      const names = new Set(added.map(({ name }) => name));
      const all = [...own.filter(({ name }) => !names.has(name)), ...added];
      // Threads copy what they are sent: nothing but what composing needs.
      const composed = await planning.compose(
        all.map((one) => ({ name: one.name, url: one.url, sdl: one.sdl })),
      );
      const guests = withoutAddresses(added, own);
      return { supergraph: await planning.open(composed.sdl), hints: composed.hints, guests };
    },
  };
}
