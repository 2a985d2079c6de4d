import { OperationTypeNode } from 'graphql';
import { Pool } from 'undici';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { Health, RequestContext } from '../../kernel/graphql/subgraph.js';
import { openDeadline } from '../../kernel/lifecycle/open-deadline.js';
import { DEFAULT_WORKSPACE } from '../../kernel/identity/principal.js';
import { continueTrace } from '../../kernel/telemetry/trace-context.js';
import { createInFlight } from './in-flight.js';
import { readSubgraphResponse } from './read-response.js';
import {
  writeVariables,
  type SubgraphOperation,
  type SubgraphRequest,
  type SubgraphResponse,
  type Transport,
} from './transport.js';
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

/** The body of an operation's requests up to the variables: the same each time, and long. */
const prefixes = new WeakMap<SubgraphOperation, string>();

function prefixOf(operation: SubgraphOperation): string {
  const known = prefixes.get(operation);
  if (known !== undefined) return known;
  const name = operation.name === undefined ? '' : `"operationName":${JSON.stringify(operation.name)},`;
  const prefix = `{${name}"query":${JSON.stringify(operation.text)},"variables":`;
  prefixes.set(operation, prefix);
  return prefix;
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
    const deadline = openDeadline(
      signal,
      timeoutMs,
      `subgraph ${subgraph} did not answer within ${timeoutMs} ms.`,
    );
    try {
      const response = await pool.request({
        method: 'POST',
        path,
        headers: { ...headers, 'content-type': 'application/json', accept: ACCEPT },
        body,
        signal: deadline.signal,
      });
      return { status: response.statusCode, text: await response.body.text() };
    } catch (error) {
      throw describeFailure(error, { ...options, signal: deadline.signal });
    } finally {
      deadline.close();
    }
  }

  /** Equal queries that are under way at one time are one request; its text is shared, and each reader parses its own. */
  const queries = createInFlight<HttpAnswer>();

  return {
    async execute(request) {
      const { operation, context, signal } = request;
      const variables = writeVariables(request);
      const body = `${prefixOf(operation)}${variables}}`;
      const own = await headersFor(context);
      const send = (until: AbortSignal) =>
        post(body, { traceparent: context.trace.traceparent, ...own }, until);
      const answer =
        operation.kind === OperationTypeNode.QUERY
          ? await queries.join(`${JSON.stringify(own)}${operation.unnamedText}${variables}`, signal, send)
          : await send(signal);
      return readResponse(subgraph, answer);
    },
    subscribe: (request: SubgraphRequest) => subscriber.subscribe(request),
    async health(signal): Promise<Health> {
      try {
        const own = await headersFor(gatewayItself());
        const { status, text } = await post('{"query":"{__typename}"}', own, signal);
        // A subgraph that asks for credentials is there all the same, unless it was given some.
        const refused = status === 401 || status === 403;
        if (refused && Object.keys(own).length === 0) return { state: 'UP' };
        if (refused)
          return { state: 'DOWN', reason: `subgraph ${subgraph} refuses who the gateway says it is.` };
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

/** Who asks when no client does. */
function gatewayItself(): RequestContext {
  return {
    principal: { subject: 'gateway', workspace: DEFAULT_WORKSPACE, roles: [] },
    trace: continueTrace(undefined),
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
  readonly signal: AbortSignal;
}

function describeFailure(cause: unknown, facts: FailureFacts): AegisError {
  const { subgraph, timeoutMs, maxResponseBytes, signal } = facts;
  if (signal.aborted && signal.reason instanceof AegisError) return signal.reason;
  if (signal.aborted)
    return new AegisError('CANCELLED', `subgraph ${subgraph}: the request was cancelled.`, { cause });
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
  if (code.endsWith('_TIMEOUT')) {
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
