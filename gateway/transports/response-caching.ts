/** How long an answer of a subgraph may be kept, and for whom. */
export interface ResponseCaching {
  /** From when it was answered, in milliseconds; more than 0. */
  readonly maxAgeMs: number;
  /** `private` is for who asked alone. */
  readonly scope: 'public' | 'private';
  /** How much longer it may be given out while a new one is fetched, in milliseconds. */
  readonly staleWhileRevalidateMs?: number;
  /** How much longer it may be given out when no new one can be had, in milliseconds. */
  readonly staleIfErrorMs?: number;
  /** By what the whole answer can be invalidated. */
  readonly tags?: readonly string[];
  /** By what each of its entities can be invalidated, in their order. */
  readonly entityTags?: readonly (readonly string[])[];
}
