/** What one subject of a comparison came to, by figure; the names of figures hold their units. */
export interface Row {
  readonly subject: string;
  /** Undefined where this machine or this subject does not give the figure. */
  readonly figures: Readonly<Record<string, number | undefined>>;
}

/** A comparison: what is asked about, and beside it a peer or a floor from the same run. */
export interface Table {
  readonly title: string;
  readonly rows: readonly Row[];
  /** What a reader has to know to read the figures rightly. */
  readonly notes?: readonly string[];
}

export interface BenchOptions {
  /** How long each measurement of a rate lasts, in seconds. */
  readonly windowSeconds: number;
  /** How long the host probe runs before memory is read for the second time, in seconds. */
  readonly probeSeconds: number;
  /** How often a start is repeated; the median is told. */
  readonly starts: number;
  /** How often each subject of a comparison is measured, in turn with the others; the median is told. */
  readonly rounds: number;
  /** How many operations are executed for the first time. */
  readonly operations: number;
  /** How many clients a fan-out has, one measurement for each number. */
  readonly clients: readonly number[];
}

/** One question and the way to its answer. */
export interface Bench {
  readonly question: string;
  run(options: BenchOptions): Promise<readonly Table[]>;
}
