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
  /** Those that are left out, for they are where guests may not be. */
  readonly leftOut: readonly SubgraphAddress[];
}

export interface SupergraphBaseOptions {
  readonly planning: Planning;
  /** The supergraph itself, composed. */
  readonly sdl: string;
  /** Whether a guest may be there; what its host stands for is looked at when it is connected to. */
  readonly mayBeAt: (url: URL) => boolean;
}

/** Makes one of a supergraph that was composed before, here or elsewhere; its own subgraphs are taken out of it once. */
export function createSupergraphBase({ planning, sdl, mayBeAt }: SupergraphBaseOptions): SupergraphBase {
  let own: readonly SubgraphText[] | undefined;
  return {
    async composeWith(added) {
      if (added.length > 0) own ??= await planning.extractSubgraphs(sdl);
      const coming = withoutAddresses(added, own ?? []);
      const leftOut = coming.filter(({ url }) => !URL.canParse(url) || !mayBeAt(new URL(url)));
      const guests = withoutAddresses(coming, leftOut);
      const taken = added.filter(({ name }) => !leftOut.some((one) => one.name === name));
      if (taken.length === 0) return { supergraph: await planning.open(sdl), hints: [], guests, leftOut };
      const names = new Set(taken.map(({ name }) => name));
      const all = [...(own ?? []).filter(({ name }) => !names.has(name)), ...taken];
      // Threads copy what they are sent: nothing but what composing needs.
      const composed = await planning.compose(
        all.map((one) => ({ name: one.name, url: one.url, sdl: one.sdl })),
      );
      return { supergraph: await planning.open(composed.sdl), hints: composed.hints, guests, leftOut };
    },
  };
}
