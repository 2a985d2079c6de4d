import type { SpanExporter } from '@opentelemetry/sdk-trace';
import { withDeadline } from '../lifecycle/lifecycle.js';
import type { Logger } from './logger.js';
import { createTraceIds } from './trace-ids.js';
import { createTracing, type Tracing } from './tracing.js';

export interface OpenTracingOptions {
  /** Where the collector listens for OTLP over HTTP, with or without `/v1/traces`. */
  readonly endpoint: string;
  /** What it wants to be told with each request, such as a key. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the process is called in traces. */
  readonly serviceName: string;
  /** What else is said of the process, such as its environment. */
  readonly resourceAttributes: Readonly<Record<string, string>>;
  /** The part of the traces that are recorded of those that begin here, from 0 to 1; others stay as they began. */
  readonly ratio: number;
  readonly logger: Logger;
}

/** Tracing that is under way. */
export interface OpenedTracing {
  readonly tracing: Tracing;
  /** Sends what is left, within {@link FLUSH_MS}. Never throws. */
  close(): Promise<void>;
}

const PATH = 'v1/traces';
/** How many spans wait for the collector at most; more are dropped. */
const MAX_WAITING_SPANS = 4_096;
const SPANS_AT_ONCE = 512;
/** How long spans are gathered, in milliseconds. */
const GATHER_MS = 2_000;
/** How long one request to the collector may take with its repetitions, in milliseconds. */
const EXPORT_TIMEOUT_MS = 5_000;
/** How long a stop waits for the collector, in milliseconds. */
const FLUSH_MS = 2_000;
/** Values are names, codes and counts; whatever is longer is none of them. */
const MAX_VALUE_CHARACTERS = 256;

/**
 * Begins to send traces to a collector, in the background. One that does not answer costs nothing but the traces, and a
 * line in the log.
 *
 * OpenTelemetry is loaded only now: who does not trace does not pay for it.
 *
 * Source: OTLP 1.x, "OTLP/HTTP Request": binary Protobuf, below the path /v1/traces.
 */
export async function openTracing(options: OpenTracingOptions): Promise<OpenedTracing> {
  const { headers, ratio, serviceName, resourceAttributes, logger } = options;
  const [{ OTLPTraceExporter }, { resourceFromAttributes }, sdk] = await Promise.all([
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/sdk-trace'),
  ]);
  const url = toTracesUrl(options.endpoint);
  const exporter = new OTLPTraceExporter({ url, headers: { ...headers }, timeoutMillis: EXPORT_TIMEOUT_MS });
  const ids = createTraceIds();
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ ...resourceAttributes, 'service.name': serviceName }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(ratio) }),
    idGenerator: ids,
    spanLimits: { attributeValueLengthLimit: MAX_VALUE_CHARACTERS },
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: tellOfFailures(exporter, logger),
        maxQueueSize: MAX_WAITING_SPANS,
        maxExportBatchSize: SPANS_AT_ONCE,
        scheduledDelayMillis: GATHER_MS,
        exportTimeoutMillis: EXPORT_TIMEOUT_MS,
      }),
    ],
  });
  return {
    tracing: createTracing(provider.getTracer('aegis'), ids),
    async close() {
      // Why it failed is in the log already.
      await withDeadline(provider.shutdown(), FLUSH_MS, 'sending the last traces').catch(() => undefined);
    },
  };
}

function toTracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  const path = url.pathname.replace(/\/+$/, '');
  url.pathname = path.endsWith(`/${PATH}`) ? path : `${path}/${PATH}`;
  return url.href;
}

/** Logs the first failure in a row, and that it is over. */
function tellOfFailures(exporter: SpanExporter, logger: Logger): SpanExporter {
  let failing = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const { error } = result;
        if (error && !failing)
          logger.warn({ reason: error.message }, 'the collector of traces does not take them');
        if (!error && failing) logger.info('the collector takes traces again');
        failing = error !== undefined;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}
