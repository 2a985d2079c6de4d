import { Counter } from 'prom-client';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import type { Metrics } from '../../../../kernel/telemetry/metrics.js';
import type { PayloadKind } from '../../protocols/payload-kind.js';
import type { ProtocolKind } from '../../protocols/protocol-kind.js';

/** A payload that was refused for good, and why. */
export interface DeadLetter {
  /** Milliseconds since 1970. */
  readonly rejectedAtMs: number;
  readonly kind: PayloadKind;
  readonly code: string;
  /** What was expected and what came. */
  readonly reason: string;
  readonly protocol: ProtocolKind;
  /** The device as the sender named it; nothing else of where it came in, as that may hold secrets. */
  readonly device: string;
  /** The beginning of the payload. */
  readonly payload: Uint8Array;
  /** The size of the whole payload. */
  readonly payloadBytes: number;
}

/** Takes what is refused, so that people can see what was wrong with it. */
export interface DeadLetters {
  /** Costs next to nothing, and never fails: of what comes too fast the oldest is dropped, and counted. */
  record(workspace: WorkspaceId, letter: RejectedMessage): void;
  start(): void;
  /** Stores what has been recorded. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** A message as it was refused. */
export interface RejectedMessage {
  readonly kind: PayloadKind;
  readonly code: string;
  readonly reason: string;
  readonly protocol: ProtocolKind;
  readonly device: string;
  readonly payload: Uint8Array;
}

export interface DeadLettersDeps {
  /** Stores letters of a workspace, and removes the oldest beyond as many as are kept. */
  readonly store: (workspace: WorkspaceId, letters: readonly DeadLetter[]) => Promise<void>;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** How much of a payload is kept. */
  readonly maxPayloadBytes: number;
  /** How often they are stored, in milliseconds. */
  readonly periodMs?: number;
  /** How many may wait for that; the oldest are dropped for more. */
  readonly capacity?: number;
  readonly now?: () => number;
}

const PERIOD_MS = 1_000;
/** So many a second are stored at most, however fast they come. */
const CAPACITY = 200;
const MAX_NAME_LENGTH = 64;
const MAX_REASON_LENGTH = 1_000;

/** What its sender will send again is not lost. */
const PASSING: ReadonlySet<string> = new Set(['RATE_LIMITED', 'UNAVAILABLE']);

interface Waiting {
  readonly workspace: WorkspaceId;
  readonly letter: DeadLetter;
}

/** Makes the bounded way of refused payloads into storage. */
export function createDeadLetters(deps: DeadLettersDeps): DeadLetters {
  const { store, logger, maxPayloadBytes, periodMs = PERIOD_MS, capacity = CAPACITY, now = Date.now } = deps;
  const dropped = new Counter({
    name: 'aegis_devices_dead_letters_dropped_total',
    help: 'Refused payloads that were counted but not kept, as they came too fast.',
    registers: [deps.metrics],
  });
  const refused = new Counter({
    name: 'aegis_devices_payloads_refused_total',
    help: 'Payloads refused for good, by what they were and error code.',
    labelNames: ['kind', 'code'],
    registers: [deps.metrics],
  });
  let waiting: Waiting[] = [];
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> = Promise.resolve();

  async function storeWaiting(): Promise<void> {
    const taken = waiting;
    waiting = [];
    for (const workspace of new Set(taken.map((one) => one.workspace))) {
      const letters = taken.filter((one) => one.workspace === workspace).map(({ letter }) => letter);
      await store(workspace, letters).catch((error: unknown) => {
        dropped.inc(letters.length);
        logger.warn({ err: error, letters: letters.length }, 'could not keep refused payloads');
      });
    }
  }

  function flush(): Promise<void> {
    flushing = flushing.then(storeWaiting);
    return flushing;
  }

  return {
    record(workspace, { kind, code, reason, protocol, device, payload }) {
      if (PASSING.has(code)) return;
      refused.inc({ kind, code });
      if (waiting.length >= capacity) {
        waiting.shift();
        dropped.inc();
      }
      const letter: DeadLetter = {
        rejectedAtMs: now(),
        ...{ kind, code, protocol },
        reason: withoutNul(reason).slice(0, MAX_REASON_LENGTH),
        device: withoutNul(device).slice(0, MAX_NAME_LENGTH),
        // A copy: the payload may be a part of a larger buffer, which it would keep.
        payload: Uint8Array.from(payload.subarray(0, maxPayloadBytes)),
        payloadBytes: payload.byteLength,
      };
      waiting.push({ workspace, letter });
    },
    start() {
      timer = setInterval(() => {
        if (waiting.length > 0) void flush();
      }, periodMs);
      timer.unref();
    },
    flush,
    async close() {
      clearInterval(timer);
      await flush();
    },
  };
}

/** A text of Postgres has no NUL. */
function withoutNul(text: string): string {
  return text.replaceAll('\u0000', '\uFFFD');
}
