import { formatNumber, formatUnit } from '../ui/format.js';
import { WhatIsThis } from '../ui/what-is-this.js';
import type { NetworkGraph, NetworkState } from './documents.js';
import { METRICS, type Metric } from './metrics.js';

export interface MetricCardsProps {
  readonly state: NetworkState | undefined;
  readonly thresholds: NetworkGraph['networkThresholds'];
  readonly selected: Metric['key'];
  readonly onSelect: (key: Metric['key']) => void;
}

/** The network's numbers now, each with what it is in plain words. Choosing one plots it. */
export function MetricCards({ state, thresholds, selected, onSelect }: MetricCardsProps) {
  return (
    <ul className="cards" aria-label="The network’s numbers">
      {METRICS.map((metric) => {
        const value = state?.metrics ? metric.read(state.metrics) : null;
        const crossed = value !== null && isCrossed(metric, value, thresholds);
        return (
          <li
            key={metric.key}
            className={`card${crossed ? ' crossed' : ''}${selected === metric.key ? ' selected' : ''}`}
          >
            <div className="card-head">
              <span>{metric.name}</span>
              <WhatIsThis about={metric.name}>{metric.about}</WhatIsThis>
            </div>
            <button
              type="button"
              className="card-value"
              aria-pressed={selected === metric.key}
              onClick={() => {
                onSelect(metric.key);
              }}
            >
              <span className="visually-hidden">{metric.name}: </span>
              <span className="symbol">{metric.symbol}</span>
              <span className="number">{formatNumber(value)}</span>
              <span className="unit">{formatUnit(metric.unit)}</span>
              <span className="visually-hidden">. Plot it</span>
            </button>
            <p className="card-note">{noteOf(metric, state, crossed)}</p>
          </li>
        );
      })}
    </ul>
  );
}

/** Whether a number is out of bounds: beyond a limit, or not far enough back behind one that it had crossed. */
function isCrossed(
  { threshold }: Metric,
  value: number,
  thresholds: MetricCardsProps['thresholds'],
): boolean {
  return thresholds
    .filter(({ metric }) => metric === threshold)
    .some(({ direction, value: limit, hysteresis, crossed }) => {
      const margin = crossed ? hysteresis : 0;
      return direction === 'ABOVE' ? value > limit - margin : value < limit + margin;
    });
}

function noteOf(metric: Metric, state: NetworkState | undefined, crossed: boolean): string {
  const missing = state?.metrics?.missing.find((one) => one.metric === metric.threshold);
  const note = missing?.message ?? caveatOf(metric, state?.metrics);
  return [...(crossed ? ['out of bounds'] : []), ...(note === '' ? [] : [note])].join('; ');
}

/** How far a number tells more than chance. */
function caveatOf({ key }: Metric, metrics: NetworkState['metrics'] | undefined): string {
  const { phi, level } = metrics ?? {};
  if (key === 'level' && level) return level.significant ? '' : 'says little: Φ is not above chance';
  if (key !== 'phi' || !phi) return '';
  const chance = `chance gives up to ${formatNumber(phi.surrogate95)}`;
  return phi.significant ? `above chance; ${chance}` : `not significant; ${chance}`;
}
