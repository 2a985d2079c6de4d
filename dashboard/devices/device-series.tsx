import { useMemo, useRef, useState } from 'react';
import { useQuery, type Answer } from '../client/use-connection.js';
import { formatUnit } from '../ui/format.js';
import { Empty, Loading, Problem } from '../ui/panel.js';
import { LONGEST_MS, RangePicker, RANGES, spanOf, type Range } from '../ui/range-picker.js';
import { TimePlot, type TimeSpan } from '../ui/time-plot.js';
import { useRangeStart } from '../ui/use-range-start.js';
import { usualDistance, withGaps, type TimedValue } from '../ui/with-gaps.js';
import { DEVICE_SERIES, type Device, type SeriesAnswer } from './documents.js';
import { useLiveReadings } from './use-live-readings.js';

export interface DeviceSeriesProps {
  readonly device: Device;
  readonly metric: string;
  readonly onMetric: (metric: string) => void;
}

/** How many steps without a point are a gap. */
const GAP_STEPS = 2.5;
/** How many live readings of a device are kept for its plots. */
const MOST_LIVE = 20_000;
const [SHORTEST] = RANGES;

/** One metric of a device over a range of time, which moves on with each reading. */
export function DeviceSeries({ device, metric, onMetric }: DeviceSeriesProps) {
  const [range, setRange] = useState<Range>(SHORTEST);
  const { points, span, answer, unit } = usePoints(device, metric, range);
  const declared = device.metrics.find(({ name }) => name === metric);
  return (
    <div className="history">
      <div className="history-head">
        <MetricPicker device={device} value={metric} onChange={onMetric} />
        <RangePicker label="Range of the plot" value={range} onChange={setRange} />
      </div>
      {declared?.description ? <p className="soft">{declared.description}</p> : null}
      {answer.problem ? <Problem message={answer.problem} retry={answer.reload} /> : null}
      {points.length > 0 ? (
        <TimePlot
          title={`${metric} of ${device.name} over the last ${range.name}`}
          instants={points.map(({ at }) => at)}
          lines={[{ label: metric, values: points.map(({ value }) => value), colour: '--accent' }]}
          span={span}
          unit={unit}
          height={200}
        />
      ) : (
        <NoPoints answer={answer} range={range} />
      )}
    </div>
  );
}

interface Point {
  readonly at: number;
  readonly value: number;
}

interface Points {
  readonly points: readonly TimedValue[];
  readonly span: TimeSpan;
  readonly answer: Answer<SeriesAnswer>;
  /** UCUM code. */
  readonly unit: string;
}

interface NoPointsProps {
  readonly answer: Answer<SeriesAnswer>;
  readonly range: Range;
}

function NoPoints({ answer: { data, problem }, range }: NoPointsProps) {
  if (data) {
    return (
      <Empty title={`No readings in the last ${range.name}`}>
        {range.ms === LONGEST_MS
          ? 'The device has sent none of this metric: wait for it, or choose another metric.'
          : 'Choose a longer range to see older ones, or wait for the device.'}
      </Empty>
    );
  }
  return problem === undefined ? <Loading what="readings" /> : null;
}

/** What is stored of a metric over a range, and what has come since. */
function usePoints(device: Device, metric: string, range: Range): Points {
  const from = useRangeStart(range);
  const { stepMs } = range;
  const answer = useQuery<SeriesAnswer>(DEVICE_SERIES, { id: device.id, metric, range: { from }, stepMs });
  const live = useRef<(Point & { readonly metric: string })[]>([]);
  const shown = useLiveReadings([device.id], (_id, reading) => {
    live.current.push({ ...reading, at: Date.parse(reading.measuredAt) });
    if (live.current.length > MOST_LIVE) live.current.splice(0, MOST_LIVE / 4);
  });
  const series = answer.data?.device?.series;
  const { points, span } = useMemo(() => {
    const stored = (series?.points ?? []).map(({ measuredAt, value }) => ({
      at: Date.parse(measuredAt),
      value,
    }));
    const last = stored.at(-1)?.at ?? 0;
    const fresh = range.isLive
      ? live.current.filter((one) => one.metric === metric && one.at >= last + range.stepMs)
      : [];
    const within = spanOf(range);
    const recent = [...stored, ...fresh].filter(({ at }) => at >= within.from);
    const distance = Math.max(range.stepMs, usualDistance(recent));
    return { points: withGaps(recent, GAP_STEPS * distance), span: within };
    // `shown` changes whenever there are fresh ones.
  }, [series, shown, metric, range]);
  const unit = series?.unit ?? device.metrics.find(({ name }) => name === metric)?.unit ?? '1';
  return { points, span, answer, unit };
}

function MetricPicker({
  device,
  value,
  onChange,
}: {
  readonly device: Device;
  readonly value: string;
  readonly onChange: (metric: string) => void;
}) {
  return (
    <label>
      Metric{' '}
      <select
        value={value}
        onChange={(event) => {
          onChange(event.target.value);
        }}
      >
        {device.metrics.map(({ name, unit }) => (
          <option key={name} value={name}>
            {name}
            {formatUnit(unit) === '' ? '' : `, ${formatUnit(unit)}`}
          </option>
        ))}
      </select>
    </label>
  );
}
