import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace as traces,
  TraceFlags,
  type Attributes,
  type Context,
  type Span as RecordedSpan,
  type SpanContext,
  type SpanOptions,
  type Tracer,
} from '@opentelemetry/api';
import type { TraceIds } from './trace-ids.js';
import { isSampled, type TraceContext } from './trace-context.js';

/** Tells a collector what happens when, by spans of OpenTelemetry. Where there is none, nothing is traced. */
export interface Tracing {
  /** Begins what somebody asked for from outside: below the step that asked, or as the beginning of its trace. */
  serve(trace: TraceContext, start: SpanStart): Span;
  /** Begins a step below the one that the trace has come to. */
  begin(trace: TraceContext, start: SpanStart): Span;
  /**
   * Begins a trace of its own with a link to the step that another has come to: for what that step has caused but does not
   * wait for, perhaps for days.
   */
  beginLinked(trace: TraceContext, start: SpanStart): Span;
}

/** One step of a trace. */
export interface Span {
  /** The trace as it goes on below this step: what is to be told to whoever does a part of it. */
  readonly trace: TraceContext;
  /** Names and values are for anybody who reads traces: nothing of a request's data belongs into them. */
  set(name: string, value: string | number | boolean): void;
  /** Marks it as failed, by a code: a message could quote data. */
  fail(type: string): void;
  end(): void;
}

/** What is known of a step when it begins. */
export interface SpanStart {
  readonly name: string;
  /** Whether it is a request to another process; `serve` knows its kind itself. */
  readonly isRemote?: boolean | undefined;
  /** Those that are undefined are left out. */
  readonly attributes?: Readonly<Record<string, string | number | boolean | undefined>>;
}

/** Where a span's id and a trace's flags stand in a `traceparent` of version 00. */
const SPAN_ID = [36, 52] as const;

/**
 * Makes tracing by a tracer of OpenTelemetry.
 *
 * @param ids the source of the tracer's ids, so that a trace keeps the id under which the log and the client know it.
 */
export function createTracing(tracer: Tracer, ids: TraceIds): Tracing {
  function start(parent: Context, { name, attributes = {} }: SpanStart, options: SpanOptions): Span {
    const known: Attributes = {};
    for (const [key, value] of Object.entries(attributes)) if (value !== undefined) known[key] = value;
    return toSpan(tracer.startSpan(name, { ...options, attributes: known }, parent));
  }

  return {
    serve(trace, asked) {
      const { traceId, parentId } = trace;
      const options = { kind: SpanKind.SERVER };
      if (parentId === undefined) return ids.withTraceId(traceId, () => start(ROOT_CONTEXT, asked, options));
      return start(below({ ...toSpanContext(trace), spanId: parentId, isRemote: true }), asked, options);
    },
    begin(trace, asked) {
      if (!isSampled(trace)) return passOver(trace);
      return start(below(toSpanContext(trace)), asked, { kind: kindOf(asked) });
    },
    beginLinked(trace, asked) {
      // What nobody wants to see is not seen by its parts either.
      if (!isSampled(trace)) return passOver(trace);
      return start(ROOT_CONTEXT, asked, { kind: kindOf(asked), links: [{ context: toSpanContext(trace) }] });
    },
  };
}

/** A step of a trace that is not recorded: whoever comes below it is below the step before. */
function passOver(trace: TraceContext): Span {
  return { trace, set: nothing, fail: nothing, end: nothing };
}

function nothing(): void {
  // There is nobody to tell.
}

function kindOf({ isRemote = false }: SpanStart): SpanKind {
  return isRemote ? SpanKind.CLIENT : SpanKind.INTERNAL;
}

function below(context: SpanContext): Context {
  return traces.setSpanContext(ROOT_CONTEXT, context);
}

function toSpanContext(trace: TraceContext): SpanContext {
  const { traceId, traceparent } = trace;
  const traceFlags = isSampled(trace) ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return { traceId, spanId: traceparent.slice(...SPAN_ID), traceFlags };
}

function toSpan(span: RecordedSpan): Span {
  const { traceId, spanId, traceFlags } = span.spanContext();
  const flags = (traceFlags & TraceFlags.SAMPLED) === 0 ? '00' : '01';
  return {
    trace: { traceId, traceparent: `00-${traceId}-${spanId}-${flags}` },
    set(name, value) {
      span.setAttribute(name, value);
    },
    fail(type) {
      span.setAttribute('error.type', type);
      span.setStatus({ code: SpanStatusCode.ERROR });
    },
    end() {
      span.end();
    },
  };
}
