import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readMessage, type Message } from './protobuf.js';
import { waitFor } from './wait-for.js';

/** A span as a collector got it. Ids are in hexadecimal. */
export interface CollectedSpan {
  readonly name: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty where there is none. */
  readonly parentId: string;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** Of the spans it is linked to. */
  readonly links: readonly string[];
  /** 0 unset, 2 failed. */
  readonly status: number;
  readonly resource: Readonly<Record<string, string | number | boolean>>;
}

/** A collector of traces: OTLP over HTTP, binary, on a port of its own. */
export interface TraceCollector {
  readonly endpoint: string;
  readonly spans: readonly CollectedSpan[];
  /** Of each request. */
  readonly headers: readonly IncomingHttpHeaders[];
  readonly bytes: readonly Buffer[];
  /** Answers in its place, when it is set. */
  fault: ((response: ServerResponse) => void) | undefined;
  /** The first span, also an earlier one, that meets a condition. */
  find(what: string, condition: (span: CollectedSpan) => boolean): Promise<CollectedSpan>;
  close(): Promise<void>;
}

/** Spans are sent every two seconds. */
const DEADLINE_MS = 8_000;

export async function openTraceCollector(): Promise<TraceCollector> {
  const spans: CollectedSpan[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const bytes: Buffer[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      headers.push(request.headers);
      if (collector.fault) {
        collector.fault(response);
        return;
      }
      if (request.url !== '/v1/traces' || request.headers['content-type'] !== 'application/x-protobuf') {
        response.writeHead(404).end();
        return;
      }
      const body = Buffer.concat(chunks);
      bytes.push(body);
      spans.push(...readSpans(body));
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const collector: TraceCollector = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    headers,
    bytes,
    fault: undefined,
    find: (what, condition) => waitFor(what, () => spans.find(condition), { deadlineMs: DEADLINE_MS }),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return collector;
}

/** Source: opentelemetry-proto 1.x, `collector/trace/v1/trace_service.proto` and `trace/v1/trace.proto`. */
function readSpans(body: Buffer): CollectedSpan[] {
  return readMessage(body)
    .messages(1)
    .flatMap((resourceSpans) => {
      const resource = readAttributes(resourceSpans.messages(1).flatMap((one) => one.messages(1)));
      return resourceSpans
        .messages(2)
        .flatMap((scopeSpans) => scopeSpans.messages(2))
        .map((span) => readSpan(span, resource));
    });
}

function readSpan(span: Message, resource: CollectedSpan['resource']): CollectedSpan {
  return {
    name: span.text(5),
    kind: span.number(6),
    traceId: span.bytes(1).toString('hex'),
    spanId: span.bytes(2).toString('hex'),
    parentId: span.bytes(4).toString('hex'),
    attributes: readAttributes(span.messages(9)),
    links: span.messages(13).map((link) => link.bytes(2).toString('hex')),
    status: span.messages(15)[0]?.number(3) ?? 0,
    resource,
  };
}

function readAttributes(pairs: readonly Message[]): Record<string, string | number | boolean> {
  return Object.fromEntries(
    pairs.map((pair): [string, string | number | boolean] => {
      const [value] = pair.messages(2);
      if (value?.has(2)) return [pair.text(1), value.number(2) === 1];
      return [pair.text(1), value?.has(3) ? value.number(3) : (value?.text(1) ?? '')];
    }),
  );
}
