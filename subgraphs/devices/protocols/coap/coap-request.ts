import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { findNumber, findOptions, type CoapMessage, type Remote } from './coap-message.js';

/** A request as its handler sees it. */
export interface CoapRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: readonly string[];
  readonly query: ReadonlyMap<string, string>;
  readonly contentFormat: number | undefined;
  readonly accept: number | undefined;
  /** 0 asks to observe, 1 to do so no more. Source: RFC 7641, §2. */
  readonly observe: number | undefined;
  /** Given in our own option, see {@link TOKEN_OPTION}. */
  readonly accessToken: string | undefined;
  readonly token: Buffer;
  readonly payload: Buffer;
  readonly remote: Remote;
}

/** What a request is answered with. */
export interface CoapReply {
  readonly code: string;
  readonly contentFormat?: number | undefined;
  readonly payload?: Buffer | undefined;
  /** In seconds. */
  readonly maxAge?: number | undefined;
  /** The number of the first notification of an observation that this answer begins. */
  readonly observe?: number | undefined;
  /** The largest body that is taken, in bytes: told when a larger one was announced. */
  readonly size1?: number | undefined;
  /** Called once it has been sent. */
  readonly afterwards?: (() => void) | undefined;
}

/**
 * The option that a device's token goes in: of the range for experiments, elective, safe to forward by proxies that do not
 * know it, and part of their cache key, so that no one's answer is given to another. Source: RFC 7252, §5.4.6 and §12.2.
 */
export const TOKEN_OPTION = '65000';

const METHODS: Readonly<Record<string, CoapRequest['method']>> = {
  '0.01': 'GET',
  '0.02': 'POST',
  '0.03': 'PUT',
};

/** Critical options that are understood; with any other a request is refused. Source: RFC 7252, §5.4.1. */
const UNDERSTOOD = new Set(['Uri-Host', 'Uri-Port', 'Uri-Path', 'Uri-Query', 'Accept', 'Block1', 'Block2']);
const CRITICAL_BY_NAME = new Set([
  'If-Match',
  'If-None-Match',
  'OSCORE',
  'Proxy-Uri',
  'Proxy-Scheme',
  'Q-Block1',
  'Q-Block2',
]);

/** Reads a request; undefined for a method that nothing here has. */
export function readRequest(message: CoapMessage, remote: Remote): CoapRequest | undefined {
  const method = METHODS[message.code];
  if (!method) return undefined;
  const query = new Map<string, string>();
  for (const part of findOptions(message, 'Uri-Query')) {
    const [name = '', ...value] = part.toString('utf8').split('=');
    query.set(name, value.join('='));
  }
  return {
    ...{ method, query, remote },
    path: findOptions(message, 'Uri-Path').map((part) => part.toString('utf8')),
    contentFormat: findNumber(message, 'Content-Format'),
    accept: findNumber(message, 'Accept'),
    observe: findNumber(message, 'Observe'),
    accessToken: findOptions(message, TOKEN_OPTION)[0]?.toString('utf8'),
    token: message.token,
    payload: message.payload,
  };
}

/** The name of a critical option that is not understood; undefined when there is none. */
export function findUnknownCritical({ options }: CoapMessage): string | undefined {
  return options.find(({ name }) => !UNDERSTOOD.has(name) && isCritical(name))?.name;
}

/** An odd number is critical (RFC 7252, §5.4.6). */
function isCritical(name: string): boolean {
  return CRITICAL_BY_NAME.has(name) || (/^\d+$/.test(name) && Number(name) % 2 === 1);
}

/** A path for messages and logs: without its query, where a token may stand. */
export function describePath(path: readonly string[]): string {
  return `/${path.join('/')}`.slice(0, 200);
}

/** Errors: BAD_USER_INPUT when the payload of a request is missing. */
export function requirePayload({ payload }: CoapRequest): Buffer {
  if (payload.length > 0) return payload;
  throw new AegisError('BAD_USER_INPUT', 'CoAP: expected a payload, got none.');
}
