/** What an invalid report leaves of a reputation. */
const LEFT_BY_INVALID = 0.7;
/** What a valid report gives back of what is missing. */
const GAINED_BY_VALID = 0.1;
/** After so many milliseconds half of what is missing has come back by itself. */
const HALF_LIFE_MS = 600_000;

/**
 * What a reputation is after some time: 1 − (1 − r) · 2^(−t/10 min). Nobody stays doubted for ever.
 *
 * @param reputation 0 to 1
 */
export function recover(reputation: number, elapsedMs: number): number {
  return 1 - (1 - reputation) * 2 ** (-Math.max(0, elapsedMs) / HALF_LIFE_MS);
}

/** What a reputation is after one more report: 0.7 r when that is invalid, r + 0.1 (1 − r) when it is valid. */
export function judge(reputation: number, valid: boolean): number {
  return valid ? reputation + GAINED_BY_VALID * (1 - reputation) : LEFT_BY_INVALID * reputation;
}
