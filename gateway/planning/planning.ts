import type { ComposedSupergraph, SubgraphText } from '../supergraph/compose.js';
import type { SupergraphSnapshot } from '../supergraph/snapshot.js';
import type { Planner } from './planner.js';

/** A supergraph that can be served: what execution needs of it, and its planner. */
export interface PlannedSupergraph {
  readonly snapshot: SupergraphSnapshot;
  readonly planner: Planner;
  /** Forgets the planner; plans that are being made still come. */
  close(): void;
}

/** Everything that takes long and asks no subgraph: reading and composing supergraphs, planning operations. */
export interface Planning {
  /** Errors: SupergraphInvalid; UNAVAILABLE when it cannot be read now. */
  open(sdl: string): Promise<PlannedSupergraph>;
  /** Errors: CompositionFailed. */
  compose(subgraphs: readonly SubgraphText[]): Promise<ComposedSupergraph>;
  /** The subgraphs that a supergraph was composed of. Errors: SupergraphInvalid. */
  extractSubgraphs(sdl: string): Promise<readonly SubgraphText[]>;
  /** Plans nothing more: what waits fails with UNAVAILABLE. Safe to call twice. */
  close(): Promise<void>;
}
