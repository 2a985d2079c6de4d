import { AegisError } from '../../../kernel/errors/aegis-error.js';

/** One member of a report that is not as the wire format has it. */
export interface Mistake {
  /** From the outside in, by the names of the wire format; empty when it is the report itself. */
  readonly path: readonly string[];
  /** Names the member, and says what was expected. */
  readonly message: string;
}

/** A report is not of the wire format. Each of its mistakes can be mended by whoever sent it. */
export class UnreadableReport extends AegisError {
  readonly mistakes: readonly Mistake[];

  constructor(mistakes: readonly Mistake[]) {
    super(
      'BAD_USER_INPUT',
      'expected {"timestamp", "node_id", "consciousness_metrics": {"phi", "coherence", "stability", "divergence", ' +
        '"consciousness_level"}, "global_state": {"network_coherence", "collective_awareness", "system_health"}}, all ' +
        `numbers but the id, but: ${mistakes.map(({ message }) => message).join('; ')}.`,
    );
    this.mistakes = mistakes;
  }
}
