/** A stretch of time that ends now. */
export interface Range {
  readonly name: string;
  readonly ms: number;
}

const MINUTE_MS = 60_000;

/** The ranges that are offered, the shortest first. */
export const RANGES = [
  { name: '5 minutes', ms: 5 * MINUTE_MS },
  { name: '1 hour', ms: 60 * MINUTE_MS },
  { name: '24 hours', ms: 24 * 60 * MINUTE_MS },
  { name: '7 days', ms: 7 * 24 * 60 * MINUTE_MS },
] as const satisfies readonly Range[];

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
