import type { LookupFunction } from 'node:net';
import type { OperationTypeNode } from 'graphql';
import { Pool } from 'undici';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { openDeadline } from '../../kernel/lifecycle/open-deadline.js';

/** One HTTP request to a subgraph. */
export interface PostRequest {
  /** What it asks for: only queries may be sent twice. */
  readonly kind: OperationTypeNode;
  readonly body: string | Buffer;
  /** JSON by default. */
  readonly contentType?: string | undefined;
  /** Beside those that every request has: content type and accepted types. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Told of each repetition. */
  readonly onResend?: (() => void) | undefined;
}

/** What came back, whatever it says. */
export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/**
 * Sends a request to one subgraph. What is done about failures is composed around this signature.
 *
 * Errors: AegisError UPSTREAM_FAILED, UPSTREAM_TIMEOUT, UNAVAILABLE or CANCELLED; an answer of any status is none of them.
 */
export type Post = (request: PostRequest) => Promise<HttpAnswer>;

export interface HttpPostOptions {
  readonly subgraph: string;
  readonly url: URL;
  /** How long one request may take, in milliseconds. */
  readonly timeoutMs: number;
  /** The most connections that stay open. */
  readonly connections: number;
  /** The largest answer that is read, in bytes. */
  readonly maxResponseBytes: number;
  /** Resolves the host for each connection, and may refuse what it stands for; `dns.lookup` by default. */
  readonly lookup?: LookupFunction | undefined;
}

const CONNECT_TIMEOUT_MS = 5_000;
const ACCEPT = 'application/graphql-response+json, application/json;q=0.9';

/** Opens the connections to a subgraph when they are needed. */
export function createHttpPost(options: HttpPostOptions): { post: Post; close(): Promise<void> } {
  const { subgraph, url, timeoutMs } = options;
  const path = url.pathname + url.search;
  const pool = new Pool(url.origin, {
    connections: options.connections,
    connect: {
      timeout: Math.min(timeoutMs, CONNECT_TIMEOUT_MS),
      ...(options.lookup ? { lookup: options.lookup } : {}),
    },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: options.maxResponseBytes,
  });
  const lateMessage = `subgraph ${subgraph} did not answer within ${timeoutMs} ms.`;

  return {
    async post({ body, contentType = 'application/json', headers, signal }) {
      const deadline = openDeadline(signal, timeoutMs, lateMessage);
      try {
        const response = await pool.request({
          method: 'POST',
          path,
          headers: { ...headers, 'content-type': contentType, accept: ACCEPT },
          body,
          signal: deadline.signal,
        });
        return {
          status: response.statusCode,
          text: await response.body.text(),
          headers: response.headers,
        };
      } catch (error) {
        throw describeFailure(error, { ...options, signal: deadline.signal });
      } finally {
        deadline.close();
      }
    },
    close: () => pool.destroy(),
  };
}

/** The code of the network's or the client's own error behind a failure; undefined when there is none. */
export function causeCodeOf({ cause }: AegisError): string | undefined {
  return typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : undefined;
}

interface FailureFacts extends HttpPostOptions {
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
