import { Pool } from 'undici';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { Health, RequestContext } from '../../kernel/graphql/subgraph.js';
import { readSubgraphResponse } from './read-response.js';
import type { SubgraphRequest, SubgraphResponse, Transport } from './transport.js';
import { createWebSocketSubscriber } from './web-socket-subscriber.js';

export interface HttpTransportOptions {
  readonly subgraph: string;
  /** The subgraph's GraphQL address; subscriptions go to the same one by WebSocket. */
  readonly url: string;
  /** How long one fetch may take, in milliseconds. */
  readonly timeoutMs: number;
  /** The most connections that stay open. */
  readonly connections: number;
  /** The largest answer that is read, in bytes. */
  readonly maxResponseBytes: number;
  /** Headers that tell the subgraph who is asking; the same values go into a WebSocket's connection parameters. */
  readonly headersFor: (context: RequestContext) => Promise<Record<string, string>>;
}

interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

const ACCEPT = 'application/graphql-response+json, application/json;q=0.9';

/**
 * Calls a subgraph over HTTP, and over graphql-ws for subscriptions. Source: GraphQL over HTTP, draft of 2024, §6.
 *
 * Errors: when the address is no URL of HTTP.
 */
export function createHttpTransport(options: HttpTransportOptions): Transport {
  const { subgraph, timeoutMs, headersFor } = options;
  const url = readAddress(options);
  const path = url.pathname + url.search;
  const pool = new Pool(url.origin, {
    connections: options.connections,
    connect: { timeout: Math.min(timeoutMs, 5_000) },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: options.maxResponseBytes,
  });
  const subscriber = createWebSocketSubscriber(options);

  async function post(
    body: string,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const response = await pool.request({
        method: 'POST',
        path,
        headers: { ...headers, 'content-type': 'application/json', accept: ACCEPT },
        body,
        signal: AbortSignal.any([signal, timeout]),
      });
      return { status: response.statusCode, text: await response.body.text() };
    } catch (error) {
      throw describeFailure(error, { ...options, timedOut: timeout.aborted, signal });
    }
  }

  return {
    async execute({ operation, variables, context, signal }) {
      const body = JSON.stringify({
        query: operation.text,
        variables,
        ...(operation.name === undefined ? {} : { operationName: operation.name }),
      });
      const headers = { traceparent: context.trace.traceparent, ...(await headersFor(context)) };
      return readResponse(subgraph, await post(body, headers, signal));
    },
    subscribe: (request: SubgraphRequest) => subscriber.subscribe(request),
    async health(signal): Promise<Health> {
      try {
        const { status, text } = await post('{"query":"{__typename}"}', {}, signal);
        // A subgraph that asks for credentials is there all the same.
        if (status === 401 || status === 403) return { state: 'UP' };
        readResponse(subgraph, { status, text });
        return { state: 'UP' };
      } catch (error) {
        return { state: 'DOWN', reason: error instanceof Error ? error.message : String(error) };
      }
    },
    async close() {
      await subscriber.close();
      await pool.destroy();
    },
  };
}

function readAddress({ subgraph, url }: HttpTransportOptions): URL {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return new URL(url);
  throw new Error(
    `subgraph ${subgraph}: expected an address such as http://host:4001/graphql, got "${url}".`,
  );
}

/** Reads a GraphQL response. Errors: UPSTREAM_FAILED when the text is none, whatever the status says. */
function readResponse(subgraph: string, { status, text }: HttpAnswer): SubgraphResponse {
  const response = readSubgraphResponse(parseJson(text));
  if (response) return response;
  throw new AegisError(
    'UPSTREAM_FAILED',
    `subgraph ${subgraph}: expected a GraphQL response, got HTTP ${status} with ${describeText(text)}.`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function describeText(text: string): string {
  if (text === '') return 'an empty body';
  return text.trimStart().startsWith('<') ? 'an HTML page' : `${text.length} characters that are none`;
}

interface FailureFacts extends HttpTransportOptions {
  readonly timedOut: boolean;
  readonly signal: AbortSignal;
}

function describeFailure(cause: unknown, facts: FailureFacts): AegisError {
  const { subgraph, timeoutMs, maxResponseBytes, timedOut, signal } = facts;
  if (signal.aborted && signal.reason instanceof AegisError) return signal.reason;
  if (signal.aborted)
    return new AegisError('CANCELLED', `subgraph ${subgraph}: the request was cancelled.`, { cause });
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
  if (timedOut || code.endsWith('_TIMEOUT')) {
    return new AegisError('UPSTREAM_TIMEOUT', `subgraph ${subgraph} did not answer within ${timeoutMs} ms.`, {
      cause,
    });
  }
  const reason =
    code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE'
      ? `answered with more than ${maxResponseBytes} bytes`
      : `could not be reached (${code === '' ? 'the request failed' : code})`;
  return new AegisError('UPSTREAM_FAILED', `subgraph ${subgraph} ${reason}.`, { cause });
}
