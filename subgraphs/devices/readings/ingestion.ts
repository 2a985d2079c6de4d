import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import type { CodecContext, RawReading } from '../codecs/codec.js';
import type { ProtocolKind } from '../protocols/protocol-kind.js';
import type { ArrivalClock } from './arrival-clock.js';
import { checkReadings, type ConvertValue } from './check-readings.js';
import { quote } from './describe-value.js';
import { newestOwnTimeMs, type DeviceClocks } from './clocks/device-clocks.js';
import type { DeadLetters } from './dead-letters/dead-letters.js';
import type { KnownDevice, KnownDevices, KnownMetric } from './known-devices.js';
import type { ReadingMetrics } from './reading-metrics.js';
import type { ReadingWriter, SubmitOutcome, WhenFull } from './reading-writer.js';
import type { Conflict } from './sort-out-messages.js';

/** A telemetry message as a protocol hands it on. */
export interface Telemetry {
  /** As the sender names it; checked here. */
  readonly workspace: string;
  /** The device's id or name. */
  readonly device: string;
  readonly payload: Uint8Array;
  readonly whenFull: WhenFull;
  /** By what it came. */
  readonly protocol: ProtocolKind;
  /** The media type of the payload, where the protocol tells one; what the device's profile says counts otherwise. */
  readonly contentType?: string | undefined;
  /** Where it came in: its topic or path, without secrets. */
  readonly source?: string | undefined;
  /**
   * When it arrived at whoever kept it for us, in microseconds since 1970: the time of values that bring none, so that it
   * may come again. Now when left out.
   */
  readonly arrivedAtUs?: number | undefined;
}

/** The readings of a message, all of them stored by now. */
export interface Receipt {
  /** How many were stored just now. */
  readonly accepted: number;
  /** How many had been stored before, with the same value. */
  readonly repeated: number;
}

/**
 * Takes one telemetry message; the promise resolves once its readings are committed.
 *
 * Errors, all of them AegisErrors with nothing of the message stored: BAD_USER_INPUT, NOT_FOUND, PAYLOAD_TOO_LARGE and
 * CONFLICT (another value is stored at the instant of one of its readings) for what will never be accepted;
 * RATE_LIMITED, UNAVAILABLE for what may be accepted later.
 */
export type Ingest = (telemetry: Telemetry) => Promise<Receipt>;

/**
 * Turns the bytes of a message into values: by the codec of the device's profile, or as our own JSON.
 *
 * Errors: BAD_USER_INPUT or PAYLOAD_TOO_LARGE that says what was expected and what came.
 */
export type DecodePayload = (
  message: Pick<Telemetry, 'payload' | 'contentType' | 'source'>,
  device: KnownDevice,
  context: CodecContext,
) => RawReading[] | Promise<RawReading[]>;

export interface IngestionDeps {
  readonly devices: KnownDevices;
  /** By workspace: those that this installation serves. */
  readonly writers: ReadonlyMap<string, ServedWorkspace>;
  readonly decode: DecodePayload;
  /** Takes finite numbers in the metric's unit as they are, and nothing else, when left out. */
  readonly convert?: ConvertValue<KnownMetric>;
  readonly clock: ArrivalClock;
  /** Told of the times that devices give. */
  readonly clocks: Pick<DeviceClocks, 'observe'>;
  /** Given what is refused. */
  readonly deadLetters: Pick<DeadLetters, 'record'>;
  readonly maxPayloadBytes: number;
  readonly maxClockAheadSeconds: number;
  readonly metrics: ReadingMetrics;
  readonly logger: Logger;
}

interface ServedWorkspace {
  readonly workspace: WorkspaceId;
  readonly writer: ReadingWriter;
}

/** How often a message is checked again because its device changed, or another was ahead of it, on the way. */
const MAX_ATTEMPTS = 3;

/**
 * Makes the walk of a telemetry message: look up its device, decode, check and convert what it brings, have it
 * de-duplicated, queued, committed and announced by the workspace's writer.
 */
export function createIngestion(deps: IngestionDeps): Ingest {
  const { devices, metrics, logger } = deps;

  /** Decodes and checks a message for its device as it is known now, and has it committed. */
  async function submit(telemetry: Telemetry, { workspace, writer }: ServedWorkspace): Promise<Attempt> {
    const found = devices.find(workspace, telemetry.device);
    const device = found instanceof Promise ? await found : found;
    if (!device) throw unknownDevice(telemetry.device);
    const { arrivedAtUs, clock } = arrivalOf(telemetry, deps);
    const decoded = deps.decode(telemetry, device, { arrivedAtUs });
    const raw = decoded instanceof Promise ? await decoded : decoded;
    // Before they are checked: a clock that is too far ahead is refused, and shows.
    const measuredAtMs = newestOwnTimeMs(raw);
    if (measuredAtMs !== undefined)
      deps.clocks.observe({ workspace, deviceId: device.id, arrivedAtMs: arrivedAtUs / 1_000, measuredAtMs });
    const { metrics: declared } = device;
    const readings = checkReadings(raw, { ...checkOptions(deps), metrics: declared, arrivedAtUs, clock });
    const message = { deviceId: device.id, receivedAtMs: Date.now(), readings };
    return { device, count: readings.length, outcome: await writer.submit(message, telemetry.whenFull) };
  }

  async function accept(telemetry: Telemetry): Promise<Receipt> {
    const served = findWorkspace(telemetry, deps);
    checkSize(telemetry.payload, deps.maxPayloadBytes);
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const { device, count, outcome } = await submit(telemetry, served);
      if (outcome.kind === 'stored') return { accepted: outcome.fresh, repeated: count - outcome.fresh };
      if (outcome.kind === 'conflict') throw contradicted(outcome.conflict);
      devices.forget(served.workspace, device);
    }
    throw unavailable(undefined);
  }

  return async (telemetry) => {
    try {
      return await accept(telemetry);
    } catch (error) {
      const refusal = error instanceof AegisError ? error : unavailable(error);
      if (refusal !== error) logger.error({ err: error }, 'could not take telemetry');
      metrics.refused.inc({ code: refusal.code });
      const served = deps.writers.get(telemetry.workspace);
      if (served) recordRefusal(served.workspace, telemetry, refusal, deps);
      throw refusal;
    }
  };
}

function recordRefusal(
  workspace: WorkspaceId,
  { device, protocol, payload }: Telemetry,
  { code, message: reason }: AegisError,
  { deadLetters }: IngestionDeps,
): void {
  deadLetters.record(workspace, { kind: 'TELEMETRY', code, reason, protocol, device, payload });
}

/** What came of one attempt at a message. */
interface Attempt {
  readonly device: KnownDevice;
  /** How many readings it has. */
  readonly count: number;
  readonly outcome: SubmitOutcome;
}

function findWorkspace({ workspace }: Telemetry, { writers }: IngestionDeps): ServedWorkspace {
  const served = writers.get(workspace);
  if (served) return served;
  throw new AegisError('NOT_FOUND', `telemetry: there is no workspace ${quote(workspace)} here.`);
}

/**
 * When a message arrived, and the times of values that share no other. Of one that was kept for us they are the same
 * whenever it comes.
 *
 * Errors: BAD_USER_INPUT for an arrival that lies ahead, by the rule for values.
 */
function arrivalOf(
  { arrivedAtUs }: Telemetry,
  { clock, maxClockAheadSeconds }: IngestionDeps,
): { readonly arrivedAtUs: number; readonly clock: ArrivalClock } {
  if (arrivedAtUs === undefined) return { arrivedAtUs: clock(), clock };
  const latestUs = clock() + maxClockAheadSeconds * 1_000_000;
  if (!(arrivedAtUs >= 0 && arrivedAtUs <= latestUs)) {
    throw new AegisError(
      'BAD_USER_INPUT',
      `telemetry: expected an arrival at most ${maxClockAheadSeconds} s ahead of the time here, got ${arrivedAtUs} µs since 1970.`,
    );
  }
  let at = Math.floor(arrivedAtUs);
  return {
    arrivedAtUs: at,
    clock: () => {
      at += 1;
      return at;
    },
  };
}

function checkOptions({ maxClockAheadSeconds, convert }: IngestionDeps) {
  return { maxClockAheadSeconds, ...(convert ? { convert } : {}) };
}

function checkSize(payload: Uint8Array, maxBytes: number): void {
  if (payload.byteLength <= maxBytes) return;
  throw new AegisError(
    'PAYLOAD_TOO_LARGE',
    `telemetry: expected at most ${maxBytes} bytes, got ${payload.byteLength}; send it in several messages.`,
  );
}

function unavailable(cause: unknown): AegisError {
  return new AegisError(
    'UNAVAILABLE',
    'telemetry: its device could not be looked up, or keeps changing; send it again in a moment.',
    {
      retryAfterMs: 1_000,
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

function contradicted({ reading, other }: Conflict): AegisError {
  const { metric, value, unit, measuredAtUs, deviceSequence } = reading;
  if (deviceSequence !== undefined) {
    return new AegisError(
      'CONFLICT',
      `telemetry: ${quote(metric)} with the sequence ${deviceSequence} is ${other.value} ${other.unit} already, ` +
        `got ${value} ${unit}; within one start, a device uses each number once.`,
    );
  }
  const at = new Date(Math.floor(measuredAtUs / 1_000)).toISOString();
  return new AegisError(
    'CONFLICT',
    `telemetry: ${quote(metric)} of ${at} is ${other.value} ${other.unit} already, got ${value} ${unit}; ` +
      'a metric has one value at one instant, so give each value a time of its own, or none.',
  );
}

function unknownDevice(idOrName: string): AegisError {
  return new AegisError(
    'NOT_FOUND',
    `telemetry: there is no device ${quote(idOrName)} in this workspace; register it with registerDevice first.`,
  );
}
