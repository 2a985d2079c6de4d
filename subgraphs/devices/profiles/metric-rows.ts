import type { MetricDeclaration } from '../registration.js';
import type { PropertyType } from './profile.js';

/** A metric as its row holds it, without its keys. */
interface MetricRow extends Omit<MetricDeclaration, 'type' | 'calibration' | 'states'> {
  readonly type: string;
  readonly states: string[];
  readonly gain: number;
  readonly offset: number;
  readonly calibratedAt: Date | null;
}

/** The columns that make a declaration. */
export const METRIC_FIELDS = {
  name: true,
  unit: true,
  description: true,
  minimum: true,
  maximum: true,
  resolution: true,
  type: true,
  states: true,
  gain: true,
  offset: true,
  calibratedAt: true,
  writable: true,
  fromProfile: true,
} as const;

/** The metrics of a device in the order of their declaration. */
export const METRICS_IN_ORDER = { select: METRIC_FIELDS, orderBy: { position: 'asc' } } as const;

/** A row as a declaration. */
export function toMetric(row: MetricRow): MetricDeclaration {
  const { gain, offset, calibratedAt, type, ...metric } = row;
  return { ...metric, type: type as PropertyType, calibration: { gain, offset, calibratedAt } };
}

/** A declaration as the columns of its row. */
export function toMetricRow({ calibration, states, ...metric }: MetricDeclaration): MetricRow {
  return { ...metric, ...calibration, states: [...states] };
}

/**
 * The metrics that a device has after a change: those of its profile first. A metric that the device itself was calibrated
 * in stays so, while its unit and its type stay and no other calibration is given.
 */
export function mergeMetrics(
  former: readonly MetricDeclaration[],
  change: {
    readonly own: readonly MetricDeclaration[] | undefined;
    readonly ofProfile: readonly MetricDeclaration[] | undefined;
  },
): { readonly own: MetricDeclaration[]; readonly ofProfile: MetricDeclaration[] } {
  const byName = new Map(former.map((metric) => [metric.name, metric]));
  const keepCalibration = (metric: MetricDeclaration): MetricDeclaration => {
    const before = byName.get(metric.name);
    const isCalibrated = before?.calibration.calibratedAt != null;
    const isSame = before?.unit === metric.unit && before.type === metric.type;
    const isGiven = !metric.fromProfile && (metric.calibration.gain !== 1 || metric.calibration.offset !== 0);
    return isCalibrated && isSame && !isGiven ? { ...metric, calibration: before.calibration } : metric;
  };
  const formerly = (fromProfile: boolean) => former.filter((metric) => metric.fromProfile === fromProfile);
  return {
    own: (change.own ?? formerly(false)).map(keepCalibration),
    ofProfile: (change.ofProfile ?? formerly(true)).map(keepCalibration),
  };
}
