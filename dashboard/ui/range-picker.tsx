/** A stretch of time that ends now. */
export interface Range {
  readonly name: string;
  readonly ms: number;
  /** How far apart the points of a device's plot are. */
  readonly stepMs: number;
  /** How far apart the points of the network's history are. */
  readonly step: 'UPDATE' | 'MINUTE' | 'HOUR';
  /** Whether what comes is added one by one; longer ranges are read anew. */
  readonly isLive: boolean;
}

const MINUTE_MS = 60_000;

/** The ranges that are offered, the shortest first. */
export const RANGES = [
  { name: '5 minutes', ms: 5 * MINUTE_MS, stepMs: 1_000, step: 'UPDATE', isLive: true },
  { name: '1 hour', ms: 60 * MINUTE_MS, stepMs: 10_000, step: 'MINUTE', isLive: false },
  { name: '24 hours', ms: 24 * 60 * MINUTE_MS, stepMs: 5 * MINUTE_MS, step: 'MINUTE', isLive: false },
  { name: '7 days', ms: 7 * 24 * 60 * MINUTE_MS, stepMs: 60 * MINUTE_MS, step: 'HOUR', isLive: false },
] as const satisfies readonly Range[];

/** How long the longest range is, in milliseconds. */
export const LONGEST_MS = Math.max(...RANGES.map(({ ms }) => ms));

/** What a range is of the time now, in milliseconds since 1970. */
export function spanOf({ ms }: Range): { readonly from: number; readonly to: number } {
  const to = Date.now();
  return { from: to - ms, to };
}

export interface RangePickerProps {
  readonly label: string;
  readonly value: Range;
  readonly onChange: (range: Range) => void;
}

/** Chooses how far back is looked. */
export function RangePicker({ label, value, onChange }: RangePickerProps) {
  return (
    <div className="segments" role="group" aria-label={label}>
      {RANGES.map((range) => (
        <button
          key={range.name}
          type="button"
          aria-pressed={range.ms === value.ms}
          onClick={() => {
            onChange(range);
          }}
        >
          {range.name}
        </button>
      ))}
    </div>
  );
}
