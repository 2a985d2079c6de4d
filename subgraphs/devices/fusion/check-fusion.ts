import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type {
  FuseReadingsConfig,
  FusionMethod,
  QueryFuseReadingsArgs,
  TimeAlignment,
} from '../generated/schema-types.js';
import { isMetricName } from '../metric-name.js';
import type { FusionOptions } from './fuse-tracks.js';

/** A fusion that is asked for; all of it has been checked but what only the database knows. */
export interface FusionRequest {
  /** Each once. */
  readonly deviceIds: readonly string[];
  readonly metric: string;
  readonly options: FusionOptions;
}

/** The most devices that are fused. */
const MAX_DEVICES = 50;
/** The most points of a fused series. */
const MAX_POINTS = 2_000;
/** How many points a range is divided into when no step is given. */
const USUAL_POINTS = 200;
/** The smallest and the largest variance or resolution: their squares and inverses are still doubles. */
const SMALLEST = 1e-100;
const LARGEST = 1e100;

/** How readings are fused when nothing says otherwise. */
export const USUAL_METHOD = 'INVERSE_VARIANCE';

const DEFAULTS = {
  method: USUAL_METHOD,
  maxGapMs: 60_000,
  defaultVariance: 1,
  outlierThreshold: 2.5,
  stateResolution: 1,
  driftVariance: 0.01,
  accelerationVariance: 0.01,
} as const;

/**
 * Checks what is asked of a fusion and fills in what was left out.
 *
 * Errors: BAD_USER_INPUT, naming the argument, what was expected and what came.
 */
export function checkFusion(args: QueryFuseReadingsArgs, now: Date): FusionRequest {
  const deviceIds = checkDeviceIds(args.deviceIds);
  const { metric, range } = args;
  if (!isMetricName(metric)) {
    refuse(`metric: expected the name of a metric that the devices declare, got ${quote(metric)}.`);
  }
  const [from, to] = [range.from, range.to ?? now];
  const [fromMs, toMs] = [from.getTime(), to.getTime()];
  if (fromMs >= toMs) {
    const came = `${from.toISOString()} to ${to.toISOString()}`;
    refuse(`range: expected a beginning before the end, got ${came}.`);
  }
  const config = args.config ?? {};
  return {
    deviceIds,
    metric,
    options: {
      ...{ fromMs, toMs },
      stepMs: checkStep(config.stepMs, toMs - fromMs),
      ...checkTiming(config),
      ...checkTuning(config),
      varianceOf: checkVariances(config, deviceIds),
    },
  };
}

function checkDeviceIds(given: readonly string[]): string[] {
  const deviceIds = [...new Set(given)];
  if (deviceIds.length < 1 || deviceIds.length > MAX_DEVICES) {
    refuse(`deviceIds: expected 1 to ${MAX_DEVICES} devices, got ${deviceIds.length}.`);
  }
  return deviceIds;
}

function checkStep(stepMs: number | null | undefined, rangeMs: number): number {
  const smallest = Math.ceil(rangeMs / MAX_POINTS);
  const step = stepMs ?? Math.ceil(rangeMs / USUAL_POINTS);
  if (step >= smallest) return step;
  return refuse(
    `config.stepMs: expected at least ${smallest} for a range of ${rangeMs} ms, as a series has at most ` +
      `${MAX_POINTS} points, got ${step}. Take a larger step or a shorter range.`,
  );
}

function checkTiming(config: FuseReadingsConfig) {
  const method = config.method ?? DEFAULTS.method;
  const alignment = config.alignment ?? usualAlignment(method);
  if (method === 'MAJORITY' && alignment === 'LINEAR') {
    refuse(
      'config.alignment: expected NEAREST or ZERO_ORDER_HOLD with MAJORITY, as there is no state between two states, ' +
        'got LINEAR.',
    );
  }
  if (!takesAlignment(method, alignment)) {
    refuse(
      `config.alignment: expected ZERO_ORDER_HOLD with ${method}, which is also taken when it is left out: a filter ` +
        `counts each reading once, and none before it was measured, got ${alignment}, which looks at readings to come.`,
    );
  }
  const maxGapMs = config.maxGapMs ?? DEFAULTS.maxGapMs;
  if (maxGapMs < 0) refuse(`config.maxGapMs: expected 0 or more, got ${maxGapMs}.`);
  return { method, alignment, maxGapMs };
}

/** Whether a method can do with an alignment: filters take no reading before its time, and states have none between. */
export function takesAlignment(method: FusionMethod, alignment: TimeAlignment): boolean {
  if (alignment === 'ZERO_ORDER_HOLD') return true;
  return !isFilter(method) && (method !== 'MAJORITY' || alignment === 'NEAREST');
}

/** Filters and states take what was measured last; for the others a line is nearest. */
function usualAlignment(method: FusionMethod): TimeAlignment {
  return isFilter(method) || method === 'MAJORITY' ? 'ZERO_ORDER_HOLD' : 'LINEAR';
}

function isFilter(method: FusionMethod): boolean {
  return method === 'KALMAN_LEVEL' || method === 'KALMAN_VELOCITY';
}

type Tuning = 'outlierThreshold' | 'stateResolution' | 'driftVariance' | 'accelerationVariance';

function checkTuning(config: FuseReadingsConfig) {
  const check = (name: Tuning, smallest: number, largest: number) =>
    checkNumber(`config.${name}`, config[name] ?? DEFAULTS[name], [smallest, largest]);
  return {
    outlierThreshold: check('outlierThreshold', 1, 1_000),
    stateResolution: check('stateResolution', SMALLEST, LARGEST),
    driftVariance: check('driftVariance', 0, LARGEST),
    accelerationVariance: check('accelerationVariance', 0, LARGEST),
  };
}

function checkVariances(config: FuseReadingsConfig, deviceIds: readonly string[]) {
  const usual = checkVariance('config.defaultVariance', config.defaultVariance ?? DEFAULTS.defaultVariance);
  const asked = new Set(deviceIds);
  const byDevice = new Map<string, number>();
  for (const [index, { deviceId, variance }] of (config.variances ?? []).entries()) {
    const path = `config.variances.${index}`;
    if (!asked.has(deviceId)) {
      refuse(`${path}.deviceId: expected one of deviceIds, got ${quote(deviceId)}.`);
    }
    if (byDevice.has(deviceId)) {
      refuse(`${path}.deviceId: expected each device once, got ${quote(deviceId)} again.`);
    }
    byDevice.set(deviceId, checkVariance(`${path}.variance`, variance));
  }
  return (deviceId: string) => byDevice.get(deviceId) ?? usual;
}

function checkVariance(path: string, variance: number): number {
  return checkNumber(path, variance, [SMALLEST, LARGEST]);
}

function checkNumber(path: string, value: number, [smallest, largest]: readonly [number, number]): number {
  if (value >= smallest && value <= largest) return value;
  return refuse(`${path}: expected a number from ${smallest} to ${largest}, got ${value}.`);
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 64));
}

function refuse(message: string): never {
  throw new AegisError('BAD_USER_INPUT', message);
}
