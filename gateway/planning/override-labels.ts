const PERCENT = /^percent\((?<share>\d+(?:\.\d+)?)\)$/;

/** For each label of a supergraph, whether its fields have moved to their new subgraph. */
export type Overrides = ReadonlyMap<string, boolean>;

/** How labels are decided. */
export interface OverrideOptions {
  /** Whether the fields under a label other than `percent(n)` have moved; not by default. */
  readonly isOverrideActive?: (label: string) => boolean;
  /** Decides `percent(n)`: a number from 0 up to, not including, 1; Math.random by default. */
  readonly random?: () => number;
}

/** Nothing is on its way. */
export const NO_OVERRIDES: Overrides = new Map();

/**
 * Decides, for one request each time it is called, which fields have moved to their new subgraph: under `percent(n)` for
 * n of a hundred requests.
 *
 * Source: Apollo Federation, `@override` with progressive labels.
 */
export function createOverrideDecision(
  labels: readonly string[],
  { isOverrideActive = () => false, random = Math.random }: OverrideOptions,
): () => Overrides {
  if (labels.length === 0) return () => NO_OVERRIDES;
  const rules = labels.map((label) => {
    const share = PERCENT.exec(label)?.groups?.['share'];
    const decide = share === undefined ? () => isOverrideActive(label) : () => random() * 100 < Number(share);
    return [label, decide] as const;
  });
  return () => new Map(rules.map(([label, decide]) => [label, decide()]));
}
