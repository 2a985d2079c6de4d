/** The most that one operation may ask for. */
export interface OperationLimitSettings {
  /** Tokens of a document. Beyond it, parsing itself is the attack. */
  readonly maxTokens: number;
  /** Selections, once the fragments are spread: planning takes time for each, and fragments double them cheaply. */
  readonly maxSelections: number;
  /** Fields inside each other. */
  readonly maxDepth: number;
  /** The same below `__schema` and `__type`: the questions of tools go deeper than those of applications. */
  readonly maxIntrospectionDepth: number;
  readonly maxAliases: number;
  readonly maxRootFields: number;
  /** Directives on one selection. */
  readonly maxDirectives: number;
  /** Objects of one type inside each other, as in a friend of a friend of a friend. */
  readonly maxRecursion: number;
  /** What `first`, `last` and other slicing arguments may ask for. */
  readonly maxListSize: number;
  /** The computed cost; 0 for no limit. */
  readonly maxCost: number;
  /** How long a list is taken to be about which nothing else is known. */
  readonly defaultListSize: number;
}

export const OPERATION_LIMITS: OperationLimitSettings = {
  maxTokens: 15_000,
  maxSelections: 2_000,
  maxDepth: 30,
  maxIntrospectionDepth: 20,
  maxAliases: 200,
  maxRootFields: 50,
  maxDirectives: 10,
  maxRecursion: 12,
  maxListSize: 1_000,
  maxCost: 0,
  defaultListSize: 10,
};
