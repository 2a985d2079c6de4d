import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { tellError, type ToldError } from '../../../../kernel/errors/answer-refusal.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import { traceOf } from '../../../../kernel/telemetry/trace-context.js';
import type { Receipt } from '../../readings/ingestion.js';
import type { WhenFull } from '../../readings/reading-writer.js';
import type { Sessions } from '../../sessions/session.js';
import type { DevicePrincipal, Uplink } from '../protocol.js';
import type { HttpAccess } from './http-access.js';
import { toRefusal } from './http-errors.js';
import { answerLines } from './ndjson-stream.js';
import { parseBatch, parseItem, parseJson } from './telemetry-batch.js';

export interface TelemetryRoutesDeps {
  readonly uplink: Pick<Uplink, 'telemetry'>;
  readonly access: HttpAccess;
  readonly sessions: Sessions;
  readonly logger: Logger;
  readonly maxPayloadBytes: number;
  /** Aborted when the server stops: streams end after the lines that they have taken. */
  readonly stopping: AbortSignal;
}

/** One message on its way to ingestion. */
interface Message {
  readonly principal: DevicePrincipal;
  readonly device: string;
  readonly payload: Uint8Array;
  readonly contentType: string | undefined;
  readonly source: string;
  readonly whenFull: WhenFull;
}

type Outcome = Receipt | { readonly error: ToldError };

const NDJSON = 'application/x-ndjson';
const JSON_TYPE = 'application/json';
/** How many lines of one stream may await their commit. */
const LINES_IN_FLIGHT = 500;
/** Some of several are refused. Source: RFC 4918, §11.1. */
const MULTI_STATUS = 207;

/**
 * Adds `POST /ingest/<device>` for one message, `POST /ingest` for a batch, and both for a stream of lines. All of them
 * answer what is committed, or refused.
 */
export function addTelemetryRoutes(server: FastifyInstance, deps: TelemetryRoutesDeps): void {
  const { uplink, access } = deps;

  async function ingest({ principal, device, ...message }: Message): Promise<Receipt> {
    await access.checkDevice(principal, device);
    return uplink.telemetry({ ...message, workspace: principal.workspace, device, protocol: 'HTTP' });
  }

  async function attempt(request: FastifyRequest, work: () => Promise<Receipt>): Promise<Outcome> {
    try {
      return await work();
    } catch (error) {
      const { logger } = deps;
      return { error: tellError(toRefusal(error, { logger, traceId: traceOf(request.headers).traceId })) };
    }
  }

  async function takeBatch(request: FastifyRequest, reply: FastifyReply, principal: DevicePrincipal) {
    const outcomes = await Promise.all(
      parseBatch(bodyOf(request)).map((item) =>
        attempt(request, () =>
          ingest({ ...toMessage(item), principal, source: '/ingest', whenFull: 'refuse' }),
        ),
      ),
    );
    const refusals = outcomes.flatMap((outcome) => ('error' in outcome ? [outcome.error.code] : []));
    if (refusals.includes('RATE_LIMITED')) void reply.header('retry-after', 1);
    return reply.status(refusals.length > 0 ? MULTI_STATUS : 200).send({ results: outcomes });
  }

  async function takeStream(request: FastifyRequest, reply: FastifyReply, principal: DevicePrincipal) {
    const { device } = request.params as { readonly device?: string };
    if (device !== undefined) await access.checkDevice(principal, device);
    const source = device === undefined ? '/ingest' : `/ingest/${device}`;
    const admitted = openAdmitted(deps.sessions, principal);
    reply.hijack();
    await answerLines({
      ...{ request: request.raw, response: reply.raw, inFlight: LINES_IN_FLIGHT },
      signal: AbortSignal.any([deps.stopping, admitted.signal]),
      lastWords: () => (admitted.signal.aborted ? { error: tellError(notAdmitted()) } : undefined),
      maxLineBytes: deps.maxPayloadBytes,
      tooLong: () => ({ error: tellError(tooLong(deps.maxPayloadBytes)) }),
      take: (line) =>
        attempt(request, () =>
          ingest({
            ...(device === undefined
              ? toMessage(parseJson(line))
              : { device, payload: line, contentType: JSON_TYPE }),
            ...{ principal, source, whenFull: 'wait' },
          }),
        ),
    }).finally(admitted.close);
  }

  server.post('/ingest/:device', async (request, reply) => {
    const principal = await access.admit(request);
    if (isStream(request)) return takeStream(request, reply, principal);
    const { device } = request.params as { readonly device: string };
    const contentType = request.headers['content-type'];
    const source = `/ingest/${device}`;
    return ingest({ principal, device, payload: bodyOf(request), contentType, source, whenFull: 'refuse' });
  });
  server.post('/ingest', async (request, reply) => {
    const principal = await access.admit(request);
    return isStream(request) ? takeStream(request, reply, principal) : takeBatch(request, reply, principal);
  });
}

function isStream({ headers }: FastifyRequest): boolean {
  return headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() === NDJSON;
}

/** The body as bytes; none is empty. */
export function bodyOf({ body }: FastifyRequest): Uint8Array {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}

function toMessage(item: unknown): Pick<Message, 'device' | 'payload' | 'contentType'> {
  const { device, telemetry } = parseItem(item);
  return { device, payload: Buffer.from(JSON.stringify(telemetry)), contentType: JSON_TYPE };
}

/** Holds a session for a stream of a device, so that the stream ends with the credential that it came with. */
function openAdmitted(
  sessions: Sessions,
  { workspace, deviceId, credentialId }: DevicePrincipal,
): { readonly signal: AbortSignal; readonly close: () => void } {
  const ended = new AbortController();
  if (deviceId === undefined) return { signal: ended.signal, close: () => undefined };
  const session = sessions.open({
    ...{ workspace, deviceId, credentialId, protocol: 'HTTP', upOnly: true },
    send: () => Promise.reject(new AegisError('UNAVAILABLE', 'HTTP: a stream of lines goes up alone.')),
    end: () => {
      ended.abort();
    },
  });
  return {
    signal: ended.signal,
    close: () => {
      session.close('its stream of lines has ended', 'closed');
    },
  };
}

function notAdmitted(): AegisError {
  return new AegisError(
    'UNAUTHENTICATED',
    'expected a credential that is good: the one that this stream came with was revoked or has expired, or its device was removed; the stream ends here.',
  );
}

function tooLong(maxBytes: number): AegisError {
  return new AegisError(
    'PAYLOAD_TOO_LARGE',
    `expected lines of at most ${maxBytes} bytes; the stream ends here.`,
  );
}
