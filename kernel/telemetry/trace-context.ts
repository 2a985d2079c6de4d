import { randomUUID } from 'node:crypto';

/** The identity of one request across processes, as `traceparent` carries it. */
export interface TraceContext {
  readonly traceId: string;
  readonly traceparent: string;
  /** The step before, in another process; undefined where the trace begins here. */
  readonly parentId?: string | undefined;
}

const TRACEPARENT =
  /^(?!ff)(?<version>[0-9a-f]{2})-(?<traceId>[0-9a-f]{32})-(?<parentId>[0-9a-f]{16})-(?<flags>[0-9a-f]{2})(?<rest>-.*)?$/;

const SAMPLED = 1;
/** Where the flags stand in a `traceparent` of version 00. */
const FLAGS_AT = 53;

/**
 * Continues the trace that a `traceparent` header names, or starts a new one when it is absent or malformed. The trace
 * stays sampled, or not, as its beginning was.
 *
 * Source: W3C Trace Context, Level 1, §3.2: all-zero ids are void; later versions may append fields, version 00 may not.
 */
export function continueTrace(header: string | undefined): TraceContext {
  const given = header === undefined ? undefined : parseTraceparent(header);
  const traceId = given?.traceId ?? randomHex();
  const sampled = given?.sampled ?? true;
  const traceparent = `00-${traceId}-${randomHex().slice(16)}-${sampled ? '01' : '00'}`;
  return { traceId, traceparent, parentId: given?.parentId };
}

/** Whether a trace is one of those that are recorded. */
export function isSampled({ traceparent }: TraceContext): boolean {
  return (Number.parseInt(traceparent.slice(FLAGS_AT), 16) & SAMPLED) !== 0;
}

/** 32 digits, nearly all of them random. Node makes random UUIDs in advance, many at a time: bytes cost it more. */
function randomHex(): string {
  return randomUUID().replaceAll('-', '');
}

/** The trace that headers, or the extensions of a GraphQL request, carry under `traceparent`; a new one without. */
export function traceOf({ traceparent }: Readonly<Record<string, unknown>>): TraceContext {
  return continueTrace(typeof traceparent === 'string' ? traceparent : undefined);
}

interface GivenTrace {
  readonly traceId: string;
  readonly parentId: string;
  readonly sampled: boolean;
}

function parseTraceparent(header: string): GivenTrace | undefined {
  const { version, traceId, parentId, flags, rest } = TRACEPARENT.exec(header)?.groups ?? {};
  if (traceId === undefined || parentId === undefined || flags === undefined) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined;
  if (version === '00' && rest !== undefined) return undefined;
  return { traceId, parentId, sampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0 };
}
