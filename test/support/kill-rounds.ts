/**
 * How often a test kills a process. Each round is a start of several seconds; more of them are asked for by
 * `jest test/end-to-end --globals '{"killRounds": 20}'`.
 */
export const KILL_ROUNDS: number = (globalThis as { readonly killRounds?: number }).killRounds ?? 2;
