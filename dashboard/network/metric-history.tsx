import { useMemo, useState } from 'react';
import { useQuery } from '../client/use-connection.js';
import { Empty, Loading, Problem } from '../ui/panel.js';
import { RangePicker, RANGES, type Range } from '../ui/range-picker.js';
import { TimePlot } from '../ui/time-plot.js';
import { METRIC_HISTORY, type MetricHistory, type NetworkGraph, type NetworkState } from './documents.js';
import { METRICS, type Metric } from './metrics.js';

export interface MetricHistoryPlotProps {
  readonly metricKey: Metric['key'];
  readonly recent: readonly NetworkState[];
  readonly thresholds: NetworkGraph['networkThresholds'];
}

/** The longest range to which live updates are added one by one; longer ones are read anew every minute. */
const LIVE_MS = 15 * 60_000;
const EVERY_MS = 60_000;
const [SHORTEST] = RANGES;

/** One of the network's numbers over time, with its limits; short ranges move on with each update. */
export function MetricHistoryPlot({ metricKey, recent, thresholds }: MetricHistoryPlotProps) {
  const [range, setRange] = useState<Range>(SHORTEST);
  const metric = METRICS.find(({ key }) => key === metricKey) ?? METRICS[0];
  // The beginning is settled when the range is chosen, so that one question stays one question.
  const from = useMemo(() => new Date(Date.now() - range.ms).toISOString(), [range]);
  const history = useQuery<MetricHistory>(METRIC_HISTORY, { range: { from } }, EVERY_MS);
  const lines = useMemo(() => {
    const stored = (history.data?.metricHistory.points ?? []).map((point) => ({
      at: Date.parse(point.at),
      value: point[metricKey]?.mean ?? null,
    }));
    const last = stored.at(-1)?.at ?? 0;
    const live =
      range.ms > LIVE_MS || !metric
        ? []
        : recent
            .map(({ sampledAt, metrics }) => ({
              at: Date.parse(sampledAt),
              value: metrics ? metric.read(metrics) : null,
            }))
            .filter(({ at }) => at > last);
    return [...stored, ...live].filter(({ at }) => at >= Date.now() - range.ms);
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
      {lines.filter(({ value }) => value !== null).length > 1 ? (
        <TimePlot
          title={`${metric.name} over the last ${range.name}`}
          instants={lines.map(({ at }) => at)}
          lines={[{ label: metric.symbol, values: lines.map(({ value }) => value), colour: '--accent' }]}
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
        <Empty title="Nothing was measured in this range">
          Numbers come once two nodes have moving signals. Choose a longer range to see older ones.
        </Empty>
      ) : (
        <Loading what="the history" />
      )}
    </div>
  );
}
