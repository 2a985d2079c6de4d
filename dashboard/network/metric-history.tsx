import { useMemo, useState } from 'react';
import { useQuery } from '../client/use-connection.js';
import { Empty, Loading, Problem } from '../ui/panel.js';
import { LONGEST_MS, RangePicker, RANGES, spanOf, type Range } from '../ui/range-picker.js';
import { TimePlot } from '../ui/time-plot.js';
import { useRangeStart } from '../ui/use-range-start.js';
import { usualDistance, withGaps } from '../ui/with-gaps.js';
import { METRIC_HISTORY, type MetricHistory, type NetworkGraph, type NetworkState } from './documents.js';
import { METRICS, type Metric } from './metrics.js';

export interface MetricHistoryPlotProps {
  readonly metricKey: Metric['key'];
  readonly recent: readonly NetworkState[];
  readonly thresholds: NetworkGraph['networkThresholds'];
}

/** How many points may be missing before the line is cut. */
const GAP_STEPS = 2.5;
const STEP_MS = { UPDATE: 0, MINUTE: 60_000, HOUR: 3_600_000 } as const;
const [SHORTEST] = RANGES;

/** One of the network's numbers over time, with its limits; short ranges move on with each update. */
export function MetricHistoryPlot({ metricKey, recent, thresholds }: MetricHistoryPlotProps) {
  const [range, setRange] = useState<Range>(SHORTEST);
  const metric = METRICS.find(({ key }) => key === metricKey) ?? METRICS[0];
  const from = useRangeStart(range);
  const history = useQuery<MetricHistory>(METRIC_HISTORY, { range: { from }, step: range.step });
  const { points, span } = useMemo(() => {
    const stored = (history.data?.metricHistory.points ?? []).map((point) => ({
      at: Date.parse(point.at),
      value: point[metricKey]?.mean ?? null,
    }));
    const last = stored.at(-1)?.at ?? 0;
    const live = (range.isLive && metric ? recent : [])
      .map(({ sampledAt, metrics }) => ({
        at: Date.parse(sampledAt),
        value: metrics && metric ? metric.read(metrics) : null,
      }))
      .filter(({ at }) => at > last);
    const within = spanOf(range);
    const all = [...stored, ...live].filter(({ at }) => at >= within.from);
    const distance = Math.max(STEP_MS[range.step], usualDistance(all));
    return { points: withGaps(all, GAP_STEPS * distance), span: within };
  }, [history.data, recent, range, metric, metricKey]);

  if (!metric) return null;
  return (
    <div className="history">
      <div className="history-head">
        <h3>
          {metric.name} ({metric.symbol})
        </h3>
        <RangePicker label="Range of the plot" value={range} onChange={setRange} />
      </div>
      {history.problem ? <Problem message={history.problem} retry={history.reload} /> : null}
      {points.some(({ value }) => value !== null) ? (
        <TimePlot
          title={`${metric.name} over the last ${range.name}`}
          instants={points.map(({ at }) => at)}
          lines={[{ label: metric.symbol, values: points.map(({ value }) => value), colour: '--accent' }]}
          span={span}
          unit={metric.unit}
          {...(metric.bounds ? { bounds: metric.bounds } : {})}
          limits={thresholds
            .filter((limit) => limit.metric === metric.threshold)
            .map(({ value, direction }) => ({
              value,
              label: direction === 'ABOVE' ? 'upper limit' : 'lower limit',
            }))}
          height={220}
        />
      ) : history.data ? (
        <Empty title={`Nothing was measured in the last ${range.name}`}>
          Numbers come once two nodes have moving signals.
          {range.ms === LONGEST_MS ? '' : ' Choose a longer range to see older ones.'}
        </Empty>
      ) : (
        <Loading what="the history" />
      )}
    </div>
  );
}
