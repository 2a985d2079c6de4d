import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { Sessions } from '../../sessions/session.js';
import type { DeviceMessage, Uplink } from '../protocol.js';
import type { PolledDevices } from './polled-devices.js';
import type { HttpAccess } from './http-access.js';
import { parseJson } from './telemetry-batch.js';
import { bodyOf } from './telemetry-routes.js';

export interface DeviceRoutesDeps {
  readonly uplink: Uplink;
  readonly access: HttpAccess;
  readonly sessions: Sessions;
  readonly polled: PolledDevices;
  /** Aborted when the server stops: polls end with what they have. */
  readonly stopping: AbortSignal;
}

/** The longest that a poll waits: proxies cut what is silent for longer, in seconds. */
const MAX_WAIT_S = 50;
const DEFAULT_WAIT_S = 30;
const NO_CONTENT = 204;
const CREATED = 201;

/**
 * Adds what a device does over HTTP beside telemetry, below `/devices/<id or name>/`: `POST reported`, `POST events`,
 * `GET commands?waitSeconds=&desiredVersion=` and `POST commands/<id>/answer`; and `POST /provision`.
 */
export function addDeviceRoutes(server: FastifyInstance, deps: DeviceRoutesDeps): void {
  const { uplink, access, sessions, polled } = deps;

  async function readMessage(request: FastifyRequest): Promise<DeviceMessage> {
    const { device } = request.params as { readonly device: string };
    const principal = await access.admit(request);
    const { id } = await access.getDevice(principal, device);
    sessions.seen(principal.workspace, id, 'HTTP');
    return { workspace: principal.workspace, device: id, payload: bodyOf(request) };
  }

  server.post('/devices/:device/reported', async (request, reply) => {
    await uplink.report(await readMessage(request));
    return reply.status(NO_CONTENT).send();
  });
  server.post('/devices/:device/events', async (request, reply) => {
    await uplink.event(await readMessage(request));
    return reply.status(NO_CONTENT).send();
  });
  server.post('/devices/:device/commands/:command/answer', async (request, reply) => {
    const { command: commandId } = request.params as { readonly command: string };
    await uplink.answer({ ...(await readMessage(request)), commandId });
    return reply.status(NO_CONTENT).send();
  });

  server.get('/devices/:device/commands', async (request, reply) => {
    const { device: idOrName } = request.params as { readonly device: string };
    const query = request.query as Readonly<Record<string, unknown>>;
    const waitMs = 1_000 * readNumber(query, 'waitSeconds', { initial: DEFAULT_WAIT_S, maximum: MAX_WAIT_S });
    const desiredVersion = readNumber(query, 'desiredVersion', {
      initial: -1,
      maximum: Number.MAX_SAFE_INTEGER,
    });
    const principal = await access.admit(request);
    const { id: deviceId } = await access.getDevice(principal, idOrName);
    const left = new AbortController();
    reply.raw.once('close', () => {
      left.abort();
    });
    const { workspace, credentialId } = principal;
    const signal = AbortSignal.any([left.signal, deps.stopping]);
    const poll = await polled.poll({
      ...{ workspace, deviceId, credentialId, waitMs, desiredVersion, signal },
    });
    reply.raw.once('finish', poll.sent);
    return reply.header('cache-control', 'no-store').send(poll.downlinks);
  });

  server.post('/provision', async (request, reply) => {
    const { code, name } = readClaim(bodyOf(request));
    const claimed = await uplink.claim(code, { name, address: request.ip });
    return reply.status(CREATED).header('cache-control', 'no-store').send(claimed);
  });
}

function readNumber(
  query: Readonly<Record<string, unknown>>,
  name: string,
  { initial, maximum }: { readonly initial: number; readonly maximum: number },
): number {
  const text = query[name];
  if (text === undefined) return initial;
  const value = typeof text === 'string' && /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value <= maximum) return value;
  const given = JSON.stringify(text).slice(0, 64);
  throw new AegisError(
    'BAD_USER_INPUT',
    `${name}: expected a whole number from 0 to ${maximum}, got ${given}.`,
  );
}

function readClaim(body: Uint8Array): { readonly code: string; readonly name: string | undefined } {
  const claim = parseJson(body);
  const { code, name } = (claim ?? {}) as { readonly code?: unknown; readonly name?: unknown };
  if (typeof code === 'string' && (name === undefined || typeof name === 'string')) return { code, name };
  throw new AegisError('BAD_USER_INPUT', 'expected {"code": "…", "name": "…"}; the name may be left out.');
}
