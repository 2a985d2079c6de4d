import { randomBytes } from 'node:crypto';

/** Gives spans and traces their ids. */
export interface TraceIds {
  generateTraceId(): string;
  generateSpanId(): string;
  /** Runs something that begins at most one trace, which gets an id that it has already. */
  withTraceId<T>(traceId: string, begin: () => T): T;
}

/** OpenTelemetry asks for the ids of new traces and cannot be told them: hence this, which it asks. */
export function createTraceIds(): TraceIds {
  let given: string | undefined;
  return {
    generateTraceId: () => given ?? randomBytes(16).toString('hex'),
    generateSpanId: () => randomBytes(8).toString('hex'),
    withTraceId(traceId, begin) {
      given = traceId;
      try {
        return begin();
      } finally {
        given = undefined;
      }
    },
  };
}
