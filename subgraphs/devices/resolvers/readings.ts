import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { Context } from '../context.js';
import type { Selections } from '../fleet/selection/registry.js';
import { checkSelection } from '../fleet/selection/selection.js';
import type { DeviceSeriesArgs, QueryDeviceSeriesArgs, Resolvers } from '../generated/schema-types.js';
import { isMetricName } from '../metric-name.js';
import type { DeviceSeriesModel, SeriesModel } from '../models.js';
import { checkLatestKey } from '../readings/latest-readings.js';
import type { StorageReport } from '../readings/storage-report.js';
import { checkRawSeriesKey } from '../readings/series/raw-series.js';
import { checkStepQuery, MAX_STEPS, type StepQuery } from '../readings/series/step-query.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';

export interface ReadingResolverDeps {
  readonly selections: Selections;
  readonly reportStorage: (workspace: WorkspaceId) => Promise<StorageReport>;
}

const MAX_DEVICES = 1_000;
const MAX_METRICS = 256;
/** The most points of all series of one question. */
const MAX_POINTS = 100_000;

/** Fields of readings. */
export function createReadingResolvers({ selections, reportStorage }: ReadingResolverDeps) {
  return {
    Query: {
      deviceSeries: (_parent, args, context) => loadDeviceSeries(selections, args, context),
      readingStorage: (_parent, _args, { principal }) => reportStorage(principal.workspace),
    },
    Device: {
      latest: ({ id }, { metrics }, { latest }) => latest.load(checkLatestKey({ deviceId: id, metrics })),
      recent: ({ id }, { metrics, count }, { latest }) =>
        latest.load(checkLatestKey({ deviceId: id, metrics, count })),
      series: ({ id }, args, context) => loadSeries(id, args, context),
      clockSkewMs: async ({ id }, _args, { clockSkews }) => (await clockSkews.load(id)) ?? null,
    },
    DeviceSeries: {
      device: async ({ deviceId }, _args, { devices }) => (await devices.load(deviceId)) ?? null,
    },
  } satisfies Resolvers;
}

async function loadSeries(deviceId: string, args: DeviceSeriesArgs, context: Context): Promise<SeriesModel> {
  const found = await findSeries(deviceId, args, context);
  if (found) return found;
  const declared = (await context.metrics.load(deviceId)).map(({ name }) => name).join(', ');
  throw new AegisError(
    'BAD_USER_INPUT',
    `metric: expected one that the device declares (${declared}), got ${JSON.stringify(args.metric.slice(0, 64))}.`,
  );
}

/** Undefined where the device does not declare the metric. Errors: BAD_USER_INPUT for a range or a step that cannot be. */
async function findSeries(
  deviceId: string,
  { metric, range, stepMs, aggregate, limit }: DeviceSeriesArgs,
  { rawSeries, stepSeries, askedAt }: Context,
): Promise<SeriesModel | undefined> {
  const ends = { from: range.from, to: range.to ?? askedAt };
  if (stepMs == null) {
    const key = checkRawSeriesKey({ deviceId, metric, ...ends, limit: limit ?? 1_000 });
    return isMetricName(metric) ? rawSeries.load(key) : undefined;
  }
  const query = checkStepQuery({ ...ends, stepMs, aggregate: aggregate ?? 'AVG', maxPoints: MAX_STEPS });
  return isMetricName(metric) ? stepSeries.load({ deviceId, metric, query }) : undefined;
}

async function loadDeviceSeries(
  selections: Selections,
  { deviceIds, filter, metrics, range, stepMs, aggregate }: QueryDeviceSeriesArgs,
  { principal, stepSeries, askedAt }: Context,
): Promise<DeviceSeriesModel[]> {
  const names = checkMetrics(metrics);
  const selection = checkSelection({ ...filter, ...(deviceIds ? { ids: deviceIds } : {}) });
  const ids = checkDevices(
    await selections.findSelected(principal.workspace, selection, { limit: MAX_DEVICES + 1 }),
  );
  const query: StepQuery = checkStepQuery({
    ...{ from: range.from, to: range.to ?? askedAt, stepMs },
    aggregate: aggregate ?? 'AVG',
    maxPoints: Math.min(MAX_STEPS, Math.floor(MAX_POINTS / Math.max(1, ids.length * names.length))),
  });
  return Promise.all(
    ids.map(async (deviceId) => {
      const series = await Promise.all(names.map((metric) => stepSeries.load({ deviceId, metric, query })));
      return { deviceId, series: series.filter((one) => one !== undefined) };
    }),
  );
}

function checkMetrics(metrics: readonly string[]): readonly string[] {
  const names = [...new Set(metrics)];
  if (names.length >= 1 && names.length <= MAX_METRICS) return names.filter(isMetricName);
  throw new AegisError('BAD_USER_INPUT', `metrics: expected 1 to ${MAX_METRICS} names, got ${names.length}.`);
}

function checkDevices(ids: readonly string[]): readonly string[] {
  if (ids.length <= MAX_DEVICES) return ids;
  throw new AegisError(
    'BAD_USER_INPUT',
    `filter: expected at most ${MAX_DEVICES} devices, got more; select fewer, or ask for them in several questions.`,
  );
}
