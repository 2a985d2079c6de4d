import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { ErrorCode } from '../../../../kernel/errors/codes.js';
import { numberOption, type CoapMessage, type CoapOption } from './coap-message.js';
import type { CoapReply } from './coap-request.js';

/** Source: RFC 7252, §5.9.2 and §5.9.3; 4.09 of RFC 8132, §5. */
const CODES: Readonly<Record<ErrorCode, string>> = {
  BAD_USER_INPUT: '4.00',
  UNAUTHENTICATED: '4.01',
  FORBIDDEN: '4.03',
  NOT_FOUND: '4.04',
  CONFLICT: '4.09',
  PAYLOAD_TOO_LARGE: '4.13',
  // What 429 is over HTTP: RFC 7252 has Max-Age tell when to come back.
  RATE_LIMITED: '5.03',
  CANCELLED: '5.03',
  OPERATION_TOO_COSTLY: '4.00',
  UPSTREAM_FAILED: '5.02',
  UPSTREAM_TIMEOUT: '5.04',
  UNAVAILABLE: '5.03',
  INTERNAL_SERVER_ERROR: '5.00',
};

const RETRY_AFTER_MS = 1_000;
/** A diagnostic payload is for a person who reads a log: it goes in one message. */
const DIAGNOSTIC_BYTES = 512;

/** Turns what was thrown into an answer with a diagnostic payload (RFC 7252, §5.5.2). Anything not foreseen is thrown on. */
export function toErrorReply(error: unknown): CoapReply {
  if (!(error instanceof AegisError)) throw error;
  const code = CODES[error.code];
  const maxAge = code === '5.03' ? Math.ceil((error.retryAfterMs ?? RETRY_AFTER_MS) / 1_000) : undefined;
  return diagnose(code, error.message, { maxAge });
}

/** An answer that says in words what is wrong. */
export function diagnose(code: string, message: string, more: Partial<CoapReply> = {}): CoapReply {
  return { ...more, code, payload: Buffer.from(message).subarray(0, DIAGNOSTIC_BYTES) };
}

/** The options of an answer, but those of its blocks. */
export function toOptions({ contentFormat, maxAge, observe, size1 }: CoapReply): CoapOption[] {
  const numbers: readonly (readonly [string, number | undefined])[] = [
    ['Observe', observe],
    ['Content-Format', contentFormat],
    ['Max-Age', maxAge],
    ['Size1', size1],
  ];
  return numbers.flatMap(([name, value]) => (value === undefined ? [] : [numberOption(name, value)]));
}

/** The message of an answer that fits in one. */
export function toMessage(reply: CoapReply, token: Buffer): CoapMessage {
  return { code: reply.code, token, options: toOptions(reply), payload: reply.payload ?? Buffer.alloc(0) };
}
