import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { Context } from '../context.js';
import type { DeviceReadingArgs } from '../generated/schema-types.js';
import { isMetricName } from '../metric-name.js';
import type { ReadingModel } from '../models.js';
import { checkLatestKey } from '../readings/latest-readings.js';
import { currentAtMs } from './storage/current-readings.js';

const MIN_TIMEOUT_MS = 100;
const MAX_TIMEOUT_MS = 30_000;

/**
 * The newest reading of a metric: the stored one, or what the device answers when it is asked. Null when there is none.
 *
 * Errors: BAD_USER_INPUT for a metric that the device does not declare and for bounds that are none; those of a live read.
 */
export async function readFreshly(
  deviceId: string,
  { metric, source, maxAgeMs, timeoutMs }: DeviceReadingArgs,
  context: Context,
): Promise<ReadingModel | null> {
  const { latest, currentReadings } = context;
  const key = checkLatestKey({ deviceId, metrics: [metric] });
  if (source !== 'LIVE') return (await latest.load(key))[0] ?? (await nothingOf(deviceId, metric, context));
  const timeout = checkTimeout(timeoutMs ?? 5_000);
  if (maxAgeMs != null) {
    const stored = await currentReadings.load({ deviceId, metric });
    if (stored && ageOf(stored) <= checkAge(maxAgeMs)) return stored;
  }
  await nothingOf(deviceId, metric, context);
  const askedAt = new Date();
  const asked = await context.liveReads.load({ deviceId, metric, timeoutMs: timeout });
  const failure = await asked.failure;
  // Not the one with the newest time stamp: that may be ahead of our clock.
  const read = await currentReadings.clear({ deviceId, metric }).load({ deviceId, metric });
  // One that is asked for several metrics may have answered with this one alone.
  if (failure && !(read && isTimeout(failure) && read.receivedAt >= askedAt)) throw failure;
  if (read) return read;
  throw new AegisError(
    'UPSTREAM_FAILED',
    `reading: the device answered, but not with ${JSON.stringify(metric.slice(0, 64))}.`,
  );
}

function isTimeout(error: Error): boolean {
  return error instanceof AegisError && error.code === 'UPSTREAM_TIMEOUT';
}

/** Null for a metric that the device declares. Errors: BAD_USER_INPUT for any other. */
async function nothingOf(deviceId: string, metric: string, { metrics }: Context): Promise<null> {
  const declared = await metrics.load(deviceId);
  if (isMetricName(metric) && declared.some(({ name }) => name === metric)) return null;
  throw new AegisError(
    'BAD_USER_INPUT',
    `metric: expected one that the device declares (${declared.map(({ name }) => name).join(', ')}), ` +
      `got ${JSON.stringify(metric.slice(0, 64))}.`,
  );
}

/** How old a reading is, in milliseconds. One that came late is as old as its measurement. */
function ageOf(reading: ReadingModel): number {
  return Date.now() - currentAtMs(reading);
}

function checkAge(maxAgeMs: number): number {
  if (maxAgeMs >= 0) return maxAgeMs;
  throw new AegisError('BAD_USER_INPUT', `maxAgeMs: expected 0 or more, got ${maxAgeMs}.`);
}

function checkTimeout(timeoutMs: number): number {
  if (timeoutMs >= MIN_TIMEOUT_MS && timeoutMs <= MAX_TIMEOUT_MS) return timeoutMs;
  throw new AegisError(
    'BAD_USER_INPUT',
    `timeoutMs: expected ${MIN_TIMEOUT_MS} to ${MAX_TIMEOUT_MS}, got ${timeoutMs}.`,
  );
}
