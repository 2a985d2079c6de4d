import DataLoader from 'dataloader';
import type { Database } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { ReadingModel, SeriesModel } from '../models.js';
import { readClockSkews } from './clocks/stored-clocks.js';
import { readLatest, type LatestKey } from './latest-readings.js';
import { readRawSeries, type RawSeriesKey } from './series/raw-series.js';
import type { StepQuery } from './series/step-query.js';
import { readStepSeries, type Track } from './series/step-series.js';

/** A series in steps that is asked for. */
export interface StepSeriesKey extends Track {
  readonly query: StepQuery;
}

/** What the resolvers of one request share of readings: the same question about many devices is one statement. */
export interface ReadingLoaders {
  /** The end of ranges that name none: the same for the whole request, so that they are one question. */
  readonly askedAt: Date;
  readonly latest: DataLoader<LatestKey, ReadingModel[], string>;
  /** Undefined where the device does not declare the metric. */
  readonly rawSeries: DataLoader<RawSeriesKey, SeriesModel | undefined, string>;
  /** Undefined where the device does not declare the metric. */
  readonly stepSeries: DataLoader<StepSeriesKey, SeriesModel | undefined, string>;
  /** By device id, in milliseconds; undefined where it is not known. */
  readonly clockSkews: DataLoader<string, number | undefined>;
}

/** Makes the loaders of one request. */
export function createReadingLoaders(database: Database, workspace: WorkspaceId): ReadingLoaders {
  return {
    askedAt: new Date(),
    latest: new DataLoader<LatestKey, ReadingModel[], string>(
      (keys) => readLatest(database, workspace, keys),
      { cacheKeyFn: JSON.stringify },
    ),
    rawSeries: new DataLoader<RawSeriesKey, SeriesModel | undefined, string>(
      (keys) => readRawSeries(database, workspace, keys),
      { cacheKeyFn: JSON.stringify },
    ),
    stepSeries: new DataLoader<StepSeriesKey, SeriesModel | undefined, string>(
      (keys) => readInGroups(database, workspace, keys),
      { cacheKeyFn: JSON.stringify },
    ),
    clockSkews: new DataLoader((ids) => readClockSkews(database, workspace, ids)),
  };
}

/** One statement for each way in which series are asked for, which is one for each field of the document. */
async function readInGroups(
  database: Database,
  workspace: WorkspaceId,
  keys: readonly StepSeriesKey[],
): Promise<(SeriesModel | undefined)[]> {
  const groups = new Map<string, { readonly query: StepQuery; readonly places: number[] }>();
  for (const [place, { query }] of keys.entries()) {
    const name = JSON.stringify(query);
    const group = groups.get(name) ?? { query, places: [] };
    group.places.push(place);
    groups.set(name, group);
  }
  const found: (SeriesModel | undefined)[] = keys.map(() => undefined);
  for (const { query, places } of groups.values()) {
    const tracks = places.flatMap((place) => keys[place] ?? []);
    const series = await readStepSeries(database, workspace, { tracks, query });
    for (const [index, place] of places.entries()) found[place] = series[index];
  }
  return found;
}
