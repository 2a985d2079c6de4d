/** The stretch of values in which all is well, by its ends; one end at least. */
export interface Limits {
  /** It holds above this. */
  readonly above?: number | undefined;
  /** It holds below this. */
  readonly below?: number | undefined;
  /** How far behind the limit it ends: the hysteresis. 0 or more. */
  readonly deadband: number;
}

/**
 * Whether a value lies outside its limits. What lay outside comes back only when it is inside by the deadband, so that a
 * value that trembles at the limit is one alarm.
 *
 * Units: all in one. Source: ANSI/ISA-18.2-2016, §10.4 (alarm deadband).
 */
export function isOutside(value: number, { above, below, deadband }: Limits, held: boolean): boolean {
  const margin = held ? deadband : 0;
  if (above !== undefined && value > above - margin) return true;
  return below !== undefined && value < below + margin;
}

/** Says for people which limit a value is beyond, such as `above 30`. */
export function describeOutside(value: number, { above, below }: Limits): string {
  if (above !== undefined && value > above) return `above ${above}`;
  if (below !== undefined && value < below) return `below ${below}`;
  return `not back inside its limits`;
}
