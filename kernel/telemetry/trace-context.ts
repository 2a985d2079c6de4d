import { randomBytes } from 'node:crypto';

/** The identity of one request across processes, as `traceparent` carries it. */
export interface TraceContext {
  readonly traceId: string;
  readonly traceparent: string;
}

const TRACEPARENT = /^00-(?<traceId>[0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * Continues the trace that a `traceparent` header names, or starts a new one when it is absent or malformed.
 *
 * Source: W3C Trace Context, Level 1, §3.2.
 */
export function continueTrace(header: string | undefined): TraceContext {
  const given = header === undefined ? undefined : TRACEPARENT.exec(header)?.groups?.['traceId'];
  const traceId = given !== undefined && !/^0+$/.test(given) ? given : randomBytes(16).toString('hex');
  return { traceId, traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` };
}
