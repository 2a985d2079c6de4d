/** Something that composition says of subgraphs. */
export interface CompositionProblem {
  /** One of Apollo Federation's codes of errors and hints, such as `FIELD_TYPE_MISMATCH`. */
  readonly code: string;
  readonly message: string;
}

/** The subgraphs do not fit together. */
export class CompositionFailed extends Error {
  override readonly name = 'CompositionFailed';
  readonly problems: readonly CompositionProblem[];

  constructor(problems: readonly CompositionProblem[]) {
    super(`the subgraphs do not compose:\n${problems.map(({ message }) => `- ${message}`).join('\n')}`);
    this.problems = problems;
  }
}
