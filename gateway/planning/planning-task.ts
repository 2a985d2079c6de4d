import type { ComposedSupergraph, SubgraphText } from '../supergraph/compose.js';
import type { CompositionProblem } from '../supergraph/composition-failed.js';
import type { SupergraphFacts } from '../supergraph/snapshot.js';

/** What the planning thread is asked to do. A supergraph has a number, by which it is planned for. */
export type PlanningTask =
  | { readonly kind: 'open'; readonly supergraph: number; readonly sdl: string }
  | { readonly kind: 'forget'; readonly supergraph: number }
  | {
      readonly kind: 'plan';
      readonly supergraph: number;
      readonly text: string;
      readonly overrides: readonly (readonly [label: string, moved: boolean])[];
    }
  | { readonly kind: 'compose'; readonly subgraphs: readonly SubgraphText[] }
  | { readonly kind: 'extract'; readonly sdl: string };

/** What comes of each kind. */
export interface PlanningResults {
  readonly open: SupergraphFacts;
  readonly forget: null;
  /** The plan as JSON. */
  readonly plan: string;
  readonly compose: ComposedSupergraph;
  readonly extract: readonly SubgraphText[];
}

/** Why nothing came of it. An error itself would lose its class on the way. */
export interface PlanningProblem {
  readonly kind: 'invalid' | 'unplannable' | 'uncomposable' | 'unforeseen';
  readonly message: string;
  /** Of what does not compose. */
  readonly problems?: readonly CompositionProblem[];
}

/** A task on its way to the thread. */
export interface TaskMessage {
  readonly id: number;
  readonly task: PlanningTask;
}

/** Its answer. */
export type AnswerMessage =
  | { readonly id: number; readonly result: PlanningResults[PlanningTask['kind']] }
  | { readonly id: number; readonly problem: PlanningProblem };
