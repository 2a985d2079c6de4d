import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { RawReading } from '../codecs/codec.js';
import type { ArrivalClock } from './arrival-clock.js';
import { describeValue, quote } from './describe-value.js';
import { MAX_READINGS_PER_COMMIT, type NewReading } from './new-reading.js';

/** A metric as a device declares it: its unit and the range in which a value is plausible. */
export interface DeclaredMetric {
  readonly unit: string;
  readonly minimum: number | null;
  readonly maximum: number | null;
}

/**
 * Makes a number in the metric's unit of a value as it came: calibrated and converted.
 *
 * Errors: BAD_USER_INPUT for what is none.
 */
export type ConvertValue<Metric extends DeclaredMetric> = (raw: RawReading, declared: Metric) => number;

export interface CheckOptions<Metric extends DeclaredMetric = DeclaredMetric> {
  /** The device's metrics by name. */
  readonly metrics: ReadonlyMap<string, Metric>;
  /** Gives values that bring no time of their own the time of their arrival. */
  readonly clock: ArrivalClock;
  /** When the message arrived, in microseconds since 1970. */
  readonly arrivedAtUs: number;
  /** How far a time may lie behind the arrival, in seconds. */
  readonly maxClockAheadSeconds: number;
  /** Takes finite numbers in the metric's unit as they are, and nothing else, when left out. */
  readonly convert?: ConvertValue<Metric>;
}

const EARLIEST_US = Date.UTC(2000, 0, 1) * 1_000;
const LARGEST_SEQUENCE = 2n ** 63n;

/**
 * Checks every value of a message and converts it to the unit of its metric.
 *
 * Errors: BAD_USER_INPUT or PAYLOAD_TOO_LARGE for the whole message when anything in it is not right.
 */
export function checkReadings<Metric extends DeclaredMetric>(
  raw: readonly RawReading[],
  options: CheckOptions<Metric>,
): NewReading[] {
  if (raw.length === 0) throw refuse('there is no value in it; send at least one metric with a number');
  if (raw.length > MAX_READINGS_PER_COMMIT) {
    throw new AegisError(
      'PAYLOAD_TOO_LARGE',
      `telemetry: more than ${MAX_READINGS_PER_COMMIT} values in one message; send them in several.`,
    );
  }
  const timeOf = createArrivalTimes(options);
  return raw.map((reading) => checkReading(reading, timeOf, options));
}

function checkReading<Metric extends DeclaredMetric>(
  raw: RawReading,
  arrivalOf: (metric: string) => number,
  options: CheckOptions<Metric>,
): NewReading {
  const { metric, measuredAtUs, quality, sequence, boot } = raw;
  const declared = options.metrics.get(metric);
  if (!declared) {
    throw refuse(
      `${quote(metric)} is not a metric of the device; declared are ${listNames(options.metrics)}`,
    );
  }
  const value = (options.convert ?? takeNumber)(raw, declared);
  checkRange(metric, value, declared);
  const timed = measuredAtUs === undefined ? undefined : checkTime(measuredAtUs, options);
  return {
    ...{ metric, unit: declared.unit, value },
    measuredAtUs: timed ?? arrivalOf(metric),
    ...(quality === undefined || quality === 'GOOD' ? {} : { quality }),
    // Where a value has a time, that tells a repeated delivery.
    ...(sequence === undefined || timed !== undefined
      ? {}
      : { deviceSequence: checkSequence(sequence), ...(boot === undefined ? {} : { deviceBoot: boot }) }),
  };
}

/** What came without a time shares that of the arrival; a metric that comes once more gets one of its own. */
function createArrivalTimes({ arrivedAtUs, clock }: Pick<CheckOptions, 'arrivedAtUs' | 'clock'>) {
  let atUs = arrivedAtUs;
  const seen = new Set<string>();
  return (metric: string): number => {
    if (seen.has(metric)) {
      seen.clear();
      atUs = clock();
    }
    seen.add(metric);
    return atUs;
  };
}

function takeNumber({ metric, value }: RawReading): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw refuse(`${quote(metric)}: expected a finite number, got ${describeValue(value)}`);
}

function checkRange(metric: string, value: number, { unit, minimum, maximum }: DeclaredMetric): void {
  if (minimum !== null && value < minimum) {
    throw refuse(`${quote(metric)}: ${value} ${unit} is below the declared minimum of ${minimum} ${unit}`);
  }
  if (maximum !== null && value > maximum) {
    throw refuse(`${quote(metric)}: ${value} ${unit} is above the declared maximum of ${maximum} ${unit}`);
  }
}

function checkTime(
  atUs: number,
  { arrivedAtUs, maxClockAheadSeconds }: Pick<CheckOptions, 'arrivedAtUs' | 'maxClockAheadSeconds'>,
): number {
  if (!(atUs >= EARLIEST_US)) throw refuse(`expected a time after 2000-01-01, got ${showTime(atUs)}`);
  if (atUs > arrivedAtUs + maxClockAheadSeconds * 1_000_000) {
    throw refuse(
      `${showTime(atUs)} is more than ${maxClockAheadSeconds} s ahead of the time here, ` +
        `${showTime(arrivedAtUs)}; set the device's clock`,
    );
  }
  return atUs;
}

function checkSequence(sequence: bigint): bigint {
  if (sequence >= -LARGEST_SEQUENCE && sequence < LARGEST_SEQUENCE) return sequence;
  throw refuse(`sequence: expected a whole number of 64 bits, got ${sequence}`);
}

/** An instant as RFC 3339, or the number where it is out of what that can tell. */
function showTime(atUs: number): string {
  const at = new Date(atUs / 1_000);
  return Number.isNaN(at.getTime()) ? `${atUs} µs` : at.toISOString();
}

/** At most twenty of the declared names: a device may declare 256. */
function listNames(metrics: ReadonlyMap<string, DeclaredMetric>): string {
  const names = [...metrics.keys()];
  return names.slice(0, 20).join(', ') + (names.length > 20 ? ` and ${names.length - 20} more` : '');
}

function refuse(message: string): AegisError {
  return new AegisError('BAD_USER_INPUT', `telemetry: ${message}.`);
}
