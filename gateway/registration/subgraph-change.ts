import type { CompositionProblem } from '../supergraph/composition-failed.js';
import type { SchemaChange } from './change-report.js';
import type { RegisteredSubgraph } from './registered-file.js';

/** A subgraph as somebody registers it. */
export interface RegistrationInput {
  /** Letters, digits, dashes and underscores, beginning with a letter; at most 64. */
  readonly name: string;
  /** Where it answers; may be left out for a new contract of a subgraph that is served already. */
  readonly url?: string | null | undefined;
  /** Its contract; asked of the subgraph itself when it is left out. */
  readonly sdl?: string | null | undefined;
}

/** How a change is made. */
export interface ChangeOptions {
  /** Tells what would come of it, and changes nothing. */
  readonly dryRun?: boolean;
}

/** A subgraph, and where it comes from. */
export interface ServedSubgraph {
  readonly name: string;
  readonly url: string;
  /** REFUSED is one that was registered and does not compose with the others any more. */
  readonly state: 'SERVED' | 'REFUSED';
  readonly source: 'SUPERGRAPH' | RegisteredSubgraph['source'];
  /** Undefined for those of the supergraph itself. */
  readonly registeredAt: Date | undefined;
}

/** Why a change was not made, in a way that its caller can mend. */
export interface ChangeProblem {
  /** A code of Aegis, or of Apollo Federation's composition, such as `FIELD_TYPE_MISMATCH`. */
  readonly code: string;
  readonly message: string;
  /** The input that is meant. */
  readonly path: readonly string[];
}

/** What came of a change. */
export type ChangeOutcome =
  | { readonly kind: 'refused'; readonly problems: readonly ChangeProblem[] }
  | {
      readonly kind: 'taken' | 'checked';
      readonly name: string;
      readonly supergraphId: string;
      readonly changes: readonly SchemaChange[];
      readonly hints: readonly CompositionProblem[];
    };
