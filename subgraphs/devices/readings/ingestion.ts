import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import type { ProtocolKind } from '../protocols/protocol.js';
import type { ArrivalClock } from './arrival-clock.js';
import type { KnownDevice, KnownDevices } from './known-devices.js';
import type { Conflict } from './reading-commit.js';
import type { ReadingMetrics } from './reading-metrics.js';
import type { ReadingWriter, WhenFull } from './reading-writer.js';
import { decodeTelemetry } from './telemetry.js';

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

export interface IngestionDeps {
  readonly devices: KnownDevices;
  /** By workspace: those that this installation serves. */
  readonly writers: ReadonlyMap<string, { readonly workspace: WorkspaceId; readonly writer: ReadingWriter }>;
  readonly clock: ArrivalClock;
  readonly maxPayloadBytes: number;
  readonly maxClockAheadSeconds: number;
  readonly metrics: ReadingMetrics;
  readonly logger: Logger;
}

/** How often a message is checked again because its device changed, or another was ahead of it, on the way. */
const MAX_ATTEMPTS = 3;

/** Makes the walk of a telemetry message: look up its device, decode and check it, have it committed. */
export function createIngestion(deps: IngestionDeps): Ingest {
  const { devices, writers, metrics, logger } = deps;

  async function accept({
    workspace: name,
    device: idOrName,
    payload,
    whenFull,
  }: Telemetry): Promise<Receipt> {
    const served = writers.get(name);
    if (!served) throw new AegisError('NOT_FOUND', `telemetry: there is no workspace ${quote(name)} here.`);
    checkSize(payload, deps.maxPayloadBytes);
    const { workspace, writer } = served;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const found = devices.find(workspace, idOrName);
      const device = found instanceof Promise ? await found : found;
      if (!device) throw unknownDevice(idOrName);
      const readings = decode(payload, device, deps);
      const message = { deviceId: device.id, receivedAtMs: Date.now(), readings };
      const outcome = await writer.submit(message, whenFull);
      if (outcome.kind === 'stored')
        return { accepted: outcome.fresh, repeated: readings.length - outcome.fresh };
      if (outcome.kind === 'conflict') throw contradicted(outcome.conflict);
      devices.forget(workspace, device);
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
      throw refusal;
    }
  };
}

function decode(
  payload: Uint8Array,
  { metrics }: KnownDevice,
  { clock, maxClockAheadSeconds }: IngestionDeps,
) {
  return decodeTelemetry(payload, { metrics, clock, maxClockAheadSeconds });
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
  const { metric, value, unit, measuredAtUs } = reading;
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

function quote(name: string): string {
  return JSON.stringify(name.slice(0, 64));
}
