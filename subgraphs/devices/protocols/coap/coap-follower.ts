import { setTimeout as sleep } from 'node:timers/promises';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { ERROR_CODES } from '../../../../kernel/errors/codes.js';
import { openDeadline } from '../../../../kernel/lifecycle/open-deadline.js';
import type { RejectionLog } from '../../../../kernel/messaging/rejection.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import type { OpenSession, Sessions } from '../../sessions/session.js';
import type { Uplink } from '../protocol.js';
import type { CoapAnswer, CoapExchange } from './coap-exchange.js';
import { findMediaType } from './coap-format.js';
import type { CoapCall } from './coap-transfer.js';
import { FORMATS, type CoapMapping, type CoapResource } from './coap-mapping.js';
import type { Remote } from './coap-message.js';
import { describe, readBody, sendByCoap, toPath, type CoapDevice } from './coap-session.js';

export interface CoapFollowerDeps {
  readonly device: CoapDevice;
  readonly mapping: CoapMapping;
  readonly remote: Remote;
  readonly exchange: CoapExchange;
  readonly uplink: Uplink;
  readonly sessions: Sessions;
  readonly logger: Logger;
  readonly logRejection: RejectionLog;
  /** How long after a failure it is tried again, in milliseconds; doubled with each. */
  readonly backoffMs?: number;
}

const BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 300_000;
/** How long a device may take for one call. */
const CALL_MS = 30_000;
/** How long after its freshness an observation is asked for anew, and the longest that it is left alone. */
const STALE_MS = 5_000;
const MAX_FRESH_MS = 900_000;

/** Polls and observes one device until the signal is aborted. It is connected for as long as it answers. */
export async function followCoapDevice(deps: CoapFollowerDeps, signal: AbortSignal): Promise<void> {
  const ending = new AbortController();
  const until = AbortSignal.any([signal, ending.signal]);
  const link = openLink(deps, () => {
    ending.abort();
  });
  try {
    await Promise.all(
      deps.mapping.resources.map((resource) => followResource(resource, { ...deps, link }, until)),
    );
  } finally {
    link.close('it is not called on any more', 'closed');
  }
}

/** The connection with a device, as far as there is one: it answers, or it does not. */
interface Link {
  /** Hands on what a resource holds. Errors: UPSTREAM_FAILED when that is an error; those of ingestion that pass. */
  take(resource: CoapResource, answer: CoapAnswer): Promise<void>;
  close(reason: string, how: 'closed' | 'lost'): void;
}

function openLink(deps: CoapFollowerDeps, onEnd: () => void): Link {
  const { device, mapping, exchange, uplink, sessions } = deps;
  const { workspace, deviceId } = device;
  let open: OpenSession | undefined;

  const send = withDeadline((downlink: Parameters<typeof sendByCoap>[0], by: AbortSignal) =>
    sendByCoap(downlink, deps, by),
  );
  const read = withDeadline(async (metrics: readonly string[], by: AbortSignal) => {
    const wanted = mapping.resources.filter(
      ({ property }) => property === undefined || metrics.includes(property),
    );
    if (wanted.length === 0) throw nothingToRead(metrics);
    for (const resource of wanted) await take(resource, await exchange.call(toCall(resource, deps), by));
  });

  async function take(resource: CoapResource, answer: CoapAnswer): Promise<void> {
    open ??= sessions.open({ workspace, deviceId, protocol: 'COAP', send, read, end: onEnd });
    open.touch();
    if (!answer.code.startsWith('2.'))
      throw new AegisError('UPSTREAM_FAILED', `CoAP: ${resource.path}: ${describe(answer)}.`);
    if (answer.payload.length === 0) return;
    const source = `coap ${resource.path}`;
    try {
      const message = { workspace, device: deviceId, whenFull: 'wait', protocol: 'COAP', source } as const;
      await uplink.telemetry({ ...message, ...toPayload(resource, answer) });
    } catch (error) {
      // What is refused for good is logged, as asking again would bring the same.
      if (!(error instanceof AegisError) || ERROR_CODES[error.code].retryable) throw error;
      deps.logRejection(source, error);
    }
  }

  return {
    take,
    close(reason, how) {
      open?.close(reason, how);
      open = undefined;
    },
  };
}

interface ResourceDeps extends CoapFollowerDeps {
  readonly link: Link;
}

/** Observes a resource, or polls it, until the signal is aborted. */
async function followResource(
  resource: CoapResource,
  deps: ResourceDeps,
  signal: AbortSignal,
): Promise<void> {
  const { device, link, logger, backoffMs = BACKOFF_MS } = deps;
  const isOver = () => signal.aborted;
  let isObserved = resource.observe;
  for (let failures = 0; !isOver();) {
    try {
      if (isObserved) isObserved = await observe(resource, deps, signal);
      else await poll(resource, deps, signal);
      failures = 0;
    } catch (error) {
      if (isOver()) return;
      failures += 1;
      logger.debug({ err: error, device: device.deviceId, path: resource.path }, 'could not read over CoAP');
      // A device that answers with an error is there nevertheless.
      if (!(error instanceof AegisError) || error.code !== 'UPSTREAM_FAILED')
        link.close('it does not answer', 'lost');
      await pause(backoff(failures, backoffMs), signal);
    }
  }
}

async function poll(resource: CoapResource, deps: ResourceDeps, signal: AbortSignal): Promise<void> {
  const deadline = openDeadline(signal, CALL_MS, 'CoAP: the device did not answer in time.');
  try {
    await deps.link.take(resource, await deps.exchange.call(toCall(resource, deps), deadline.signal));
  } finally {
    deadline.close();
  }
  await pause(resource.intervalSeconds * 1_000, signal);
}

/** Ends when the observation does; false when the device does not let itself be observed. */
async function observe(resource: CoapResource, deps: ResourceDeps, signal: AbortSignal): Promise<boolean> {
  const ended = new AbortController();
  const by = AbortSignal.any([signal, ended.signal]);
  const isOver = () => by.aborted;
  let freshUntil = 0;
  const onAnswer = async (answer: CoapAnswer) => {
    freshUntil = Date.now() + Math.min(answer.maxAge * 1_000 + STALE_MS, MAX_FRESH_MS);
    if (answer.observe === undefined) ended.abort();
    await deps.link.take(resource, answer);
  };
  const observing = await deps.exchange.observe(toCall(resource, deps), onAnswer, signal);
  if (observing.first.observe === undefined) return false;
  try {
    while (!isOver()) {
      await pause(freshUntil - Date.now(), by);
      if (!isOver() && Date.now() >= freshUntil) await observing.renew(by);
    }
  } finally {
    observing.end();
  }
  return true;
}

function toCall({ path, accept }: CoapResource, { device, remote }: CoapFollowerDeps): CoapCall {
  return { remote, method: 'GET', path: toPath(device, path), accept: accept && FORMATS[accept] };
}

/** The value of one property as our JSON, or the payload as it came for the codec of the device's profile. */
function toPayload({ property }: CoapResource, answer: CoapAnswer) {
  if (property === undefined)
    return { payload: answer.payload, contentType: findMediaType(answer.contentFormat) };
  const value = readBody(answer) ?? null;
  return { payload: Buffer.from(JSON.stringify({ [property]: value })), contentType: 'application/json' };
}

function withDeadline<A, R>(
  work: (argument: A, signal: AbortSignal) => Promise<R>,
): (argument: A, signal: AbortSignal) => Promise<R> {
  return async (argument, signal) => {
    const deadline = openDeadline(signal, CALL_MS, 'CoAP: the device did not answer in time.');
    try {
      return await work(argument, deadline.signal);
    } finally {
      deadline.close();
    }
  };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(0, ms), undefined, { signal }).catch(() => undefined);
}

function backoff(failures: number, firstMs: number): number {
  return Math.min(MAX_BACKOFF_MS, firstMs * 2 ** (failures - 1)) * (0.75 + Math.random() / 2);
}

function nothingToRead(metrics: readonly string[]): AegisError {
  return new AegisError(
    'BAD_USER_INPUT',
    `source: expected TWIN for ${metrics.join(', ')}, as the profile of the device does not tell by which resource of CoAP it is read.`,
  );
}
