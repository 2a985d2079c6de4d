import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { ERROR_CODES } from '../../kernel/errors/codes.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import { registerDevice, type DeclaredDevice } from './device-registration.js';
import type { ProbeSource } from './probe-source.js';
import { createTelemetryPublisher } from './telemetry-publisher.js';

export interface ProbeOptions {
  /** Where the device is registered, such as `http://127.0.0.1:4000/graphql`. */
  readonly graphqlUrl: string;
  /** Where the readings go, such as `mqtt://127.0.0.1:1883`. */
  readonly mqttUrl: string;
  readonly workspace: string;
  /** Presented to the graph as a bearer token, where it asks for one. */
  readonly token?: string | undefined;
  /** Presented to the broker as a password; undefined leaves it to what the broker's URL holds. */
  readonly brokerToken?: string | undefined;
  readonly logger: Logger;
  /** Time between two messages, in milliseconds; 1000 by default. */
  readonly intervalMs?: number;
  /** The wall clock, in milliseconds since 1970. */
  readonly now?: () => number;
  /** How long the device may take to be registered, in milliseconds; 30 000 by default. */
  readonly registrationDeadlineMs?: number;
  /** How long a message may wait for its acknowledgement before it is dropped, in milliseconds; 5000 by default. */
  readonly ackDeadlineMs?: number;
}

export interface Probe {
  /**
   * Waits until the device is registered; from then on measures and publishes.
   *
   * Errors: {@link AegisError} when the registration is refused, or has not succeeded within its deadline.
   */
  start(): Promise<void>;
  /** Stops, within a second. */
  close(): Promise<void>;
}

/** The length of the first interval, in milliseconds: short, so that there is data at once. */
const FIRST_INTERVAL_MS = 250;
const RETRY_FIRST_MS = 100;
const RETRY_LONGEST_MS = 2000;
const MAX_IN_FLIGHT = 10;

/**
 * Measures something once a second, and sends that to Aegis as any device would: it registers a device over GraphQL and
 * publishes its telemetry over MQTT. It knows nothing of Aegis but these two doors.
 */
export function createProbe<Reading>(source: ProbeSource<Reading>, options: ProbeOptions): Probe {
  const { logger, workspace, intervalMs = 1000, now = Date.now } = options;
  const { device } = source;
  const closed = new AbortController();
  const publisher = createTelemetryPublisher({
    mqttUrl: options.mqttUrl,
    topic: `aegis/${workspace}/${device.name}/telemetry`,
    token: options.brokerToken,
    logger,
    ackDeadlineMs: options.ackDeadlineMs ?? 5000,
    maxInFlight: MAX_IN_FLIGHT,
    onReconnect: () => {
      registerDevice({ ...options, device, signal: closed.signal }).catch((error: unknown) => {
        if (!closed.signal.aborted)
          logger.warn({ err: error }, `cannot see to it that ${device.name} is registered`);
      });
    },
    onRejected: (code) => {
      if (code === 'NOT_FOUND') rest();
    },
  });
  let timer: NodeJS.Timeout | undefined;

  /** Somebody has removed the device, and meant it: it is not registered again behind their back. */
  function rest(): void {
    if (closed.signal.aborted) return;
    closed.abort();
    clearTimeout(timer);
    logger.info({ device: device.name }, 'the device was removed: the probe rests until the next start');
  }

  /** Measures from `before` to the planned moment, publishes, and plans the next one. */
  function plan(before: Reading, plannedAtMs: number): void {
    timer = setTimeout(
      () => {
        void measure(before, plannedAtMs).then((after) => {
          if (!closed.signal.aborted) plan(after, Math.max(plannedAtMs + intervalMs, performance.now()));
        });
      },
      Math.max(0, plannedAtMs - performance.now()),
    );
  }

  async function measure(before: Reading, plannedAtMs: number): Promise<Reading> {
    const timerDelayMs = Math.max(0, performance.now() - plannedAtMs);
    const after = await source.read();
    publisher.publish(JSON.stringify({ ts: now(), values: source.measure({ before, after, timerDelayMs }) }));
    return after;
  }

  return {
    async start() {
      await registerWithRetry({ ...options, device, closed: closed.signal });
      const first = await source.read();
      if (closed.signal.aborted) return;
      publisher.open();
      plan(first, performance.now() + Math.min(FIRST_INTERVAL_MS, intervalMs));
      logger.info(
        { device: device.name, signals: device.metrics.length, intervalMs },
        `the probe of ${device.name} is measuring`,
      );
    },
    async close() {
      closed.abort();
      clearTimeout(timer);
      await publisher.close();
    },
  };
}

interface RetryOptions extends ProbeOptions {
  readonly device: DeclaredDevice;
  readonly closed: AbortSignal;
}

async function registerWithRetry(options: RetryOptions): Promise<void> {
  const { closed, device, graphqlUrl, logger, registrationDeadlineMs = 30_000 } = options;
  const late = AbortSignal.timeout(registrationDeadlineMs);
  const signal = AbortSignal.any([closed, late]);
  for (let waitMs = RETRY_FIRST_MS; ; waitMs = Math.min(2 * waitMs, RETRY_LONGEST_MS)) {
    try {
      await registerDevice({ ...options, signal });
      return;
    } catch (error) {
      if (!mayPass(error)) throw error;
      if (waitMs === RETRY_FIRST_MS && !closed.aborted) {
        logger.info({ graphqlUrl, err: error }, `waiting to register ${device.name}`);
      }
      await delay(waitMs, undefined, { signal }).catch(() => undefined);
      if (closed.aborted) {
        throw new AegisError('CANCELLED', 'The probe was closed before its device was registered.');
      }
      if (late.aborted)
        throw new AegisError('UPSTREAM_TIMEOUT', describeTimeout(options, error), { cause: error });
    }
  }
}

function mayPass(error: unknown): boolean {
  return error instanceof AegisError && ERROR_CODES[error.code].retryable;
}

function describeTimeout(
  { device, graphqlUrl, registrationDeadlineMs = 30_000 }: RetryOptions,
  last: unknown,
): string {
  const reason = last instanceof Error ? last.message : String(last);
  return `Expected ${graphqlUrl} to register ${device.name} within ${registrationDeadlineMs} ms. The last attempt: ${reason}`;
}
