import type { LookupFunction } from 'node:net';
import { OperationTypeNode } from 'graphql';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { Health, RequestContext } from '../../kernel/graphql/subgraph.js';
import { DEFAULT_WORKSPACE } from '../../kernel/identity/principal.js';
import { continueTrace } from '../../kernel/telemetry/trace-context.js';
import { breakCircuit } from './break-circuit.js';
import type { CircuitBreaker } from './circuit-breaker.js';
import { createHttpPost, type HttpAnswer, type Post } from './http-post.js';
import { chooseSubscriber } from './choose-subscriber.js';
import { describeAddress, hasCredentials } from '../supergraph/describe-address.js';
import { createInFlight } from './in-flight.js';
import { writeMultipartBody } from './multipart-body.js';
import { readCaching } from './read-caching.js';
import { readSubgraphResponse } from './read-response.js';
import type { SubscriptionsOffered } from './subscriptions-offered.js';
import { readRetryAfter } from './retry-after.js';
import { retryQueries, type RetryOptions } from './retry-queries.js';
import {
  writeVariables,
  type SubgraphOperation,
  type SubgraphRequest,
  type SubgraphResponse,
  type Transport,
} from './transport.js';

export interface HttpTransportOptions {
  readonly subgraph: string;
  /** The subgraph's GraphQL address. */
  readonly url: string;
  /** How and where it offers subscriptions; `auto` by default. */
  readonly subscriptions?: SubscriptionsOffered | undefined;
  /** How long one fetch may take, in milliseconds. */
  readonly timeoutMs: number;
  /** The most connections that stay open. */
  readonly connections: number;
  /** The largest answer that is read, in bytes. */
  readonly maxResponseBytes: number;
  /** Resolves the host for each connection, and may refuse what it stands for; `dns.lookup` by default. */
  readonly lookup?: LookupFunction | undefined;
  /** Headers that tell the subgraph who is asking; the same values go into a WebSocket's connection parameters. */
  readonly headersFor: (context: RequestContext) => Promise<Record<string, string>>;
  /**
   * Whether {@link headersFor} may give a header, by lower-case name, to some requests: an answer that varies with it is
   * then not for everybody. It may give any by default.
   */
  readonly mayGive?: ((header: string) => boolean) | undefined;
  /** How queries that were not answered are sent again; they are not by default. */
  readonly retry?: RetryOptions | undefined;
  /** Stops requests while the subgraph fails too often; nothing does by default. */
  readonly breaker?: CircuitBreaker | undefined;
}

/** A server that is careful takes no multipart body without it. */
const ASKED = { 'apollo-require-preflight': 'true' };

/** Headers of which all requests that may be answered from a cache have the same. */
const FIXED = new Set(['accept', 'accept-encoding', 'content-type', 'host']);

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

/**
 * Calls a subgraph over HTTP, and over graphql-ws or Server-Sent Events for subscriptions. Source: GraphQL over HTTP, draft of 2024, §6.
 *
 * Errors: when the address is no URL of HTTP.
 */
export function createHttpTransport(options: HttpTransportOptions): Transport {
  const { subgraph, headersFor, mayGive = () => true, breaker } = options;
  const address = readAddress(options);
  const connections = createHttpPost({ ...options, url: address });
  const post = guard(connections.post, options);
  const subscriber = chooseSubscriber(options, options.subscriptions);

  /**
   * Equal queries of one epoch that are under way at one time are one request; its text is shared, and each reader parses
   * its own. One that comes after a mutation joins none from before it: it must see what that has done.
   */
  const queries = createInFlight<HttpAnswer>();
  let mutations = 0;

  return {
    address,
    async execute(request) {
      const { operation, context, signal, observer, epoch = '' } = request;
      const variables = writeVariables(request);
      const body = `${prefixOf(operation)}${variables}}`;
      const own = await headersFor(context);
      const headers = { traceparent: context.trace.traceparent, ...own };
      const { kind } = operation;
      // Only mutations may bring files.
      const files = kind === OperationTypeNode.MUTATION && writeMultipartBody(body, request.variables);
      const flight = { isOurs: false };
      const send = (until: AbortSignal) => {
        flight.isOurs = true;
        if (files) return post({ kind, ...files, headers: { ...headers, ...ASKED }, signal: until });
        return post({ kind, body, headers, signal: until, onResend: observer?.onResend });
      };
      const answer =
        kind === OperationTypeNode.QUERY
          ? await queries.join(
              `${mutations}/${epoch}${JSON.stringify(own)}${operation.unnamedText}${variables}`,
              signal,
              send,
            )
          : await send(signal).finally(() => {
              mutations += 1;
            });
      if (!flight.isOurs) observer?.onShared();
      observer?.onStatus(answer.status);
      const differs = (name: string) => !FIXED.has(name) && (mayGive(name) || Object.hasOwn(own, name));
      return readResponse(subgraph, answer, differs);
    },
    subscribe: (request: SubgraphRequest) => subscriber.subscribe(request),
    async health(signal) {
      const retryAfterMs = Math.ceil(breaker?.retryAfterMs ?? 0);
      if (retryAfterMs > 0) {
        const reason = `subgraph ${subgraph} has failed too often and is left alone for another ${retryAfterMs} ms.`;
        return { state: 'DOWN', reason };
      }
      return checkHealth(connections.post, options, signal);
    },
    async close() {
      await subscriber.close();
      await connections.close();
    },
  };
}

/** Each attempt of a retried query asks the breaker anew. */
function guard(post: Post, { subgraph, retry, breaker }: HttpTransportOptions): Post {
  const broken = breaker ? breakCircuit(post, breaker, subgraph) : post;
  return retry ? retryQueries(broken, retry) : broken;
}

/** Asks past the breaker and once: what is wanted is how the subgraph is now. */
async function checkHealth(
  post: Post,
  { subgraph, headersFor }: HttpTransportOptions,
  signal: AbortSignal,
): Promise<Health> {
  try {
    const headers = await headersFor(gatewayItself());
    const body = '{"query":"{__typename}"}';
    const answer = await post({ kind: OperationTypeNode.QUERY, body, headers, signal });
    // A subgraph that asks for credentials is there all the same, unless it was given some.
    const refused = answer.status === 401 || answer.status === 403;
    if (refused && Object.keys(headers).length === 0) return { state: 'UP' };
    if (refused) return { state: 'DOWN', reason: `subgraph ${subgraph} refuses who the gateway says it is.` };
    readResponse(subgraph, answer, () => true);
    return { state: 'UP' };
  } catch (error) {
    return { state: 'DOWN', reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Who asks when no client does. */
function gatewayItself(): RequestContext {
  return {
    principal: { subject: 'gateway', workspace: DEFAULT_WORKSPACE, roles: [] },
    trace: continueTrace(undefined),
  };
}

function readAddress({ subgraph, url }: HttpTransportOptions): URL {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (address && hasCredentials(address)) {
    throw new Error(
      `subgraph ${subgraph}: expected an address without a user and a password, which are not sent; give it credentials by header rules.`,
    );
  }
  if (address && /^https?:$/.test(address.protocol)) return address;
  throw new Error(
    `subgraph ${subgraph}: expected an address such as http://host:4001/graphql, got ${address ? describeAddress(url) : JSON.stringify(url)}.`,
  );
}

/** Reads a GraphQL response. Errors: UPSTREAM_FAILED when the text is none, whatever the status says. */
function readResponse(
  subgraph: string,
  { status, text, headers }: HttpAnswer,
  differs: (header: string) => boolean,
): SubgraphResponse {
  const body = parseJson(text);
  const response = readSubgraphResponse(body);
  if (response) {
    // What went wrong is told anew each time.
    const caching = status === 200 ? readCaching({ headers, differs, body }) : undefined;
    return caching ? { ...response, caching } : response;
  }
  const retryAfterMs = readRetryAfter(headers['retry-after']);
  throw new AegisError(
    'UPSTREAM_FAILED',
    `subgraph ${subgraph}: expected a GraphQL response, got HTTP ${status} with ${describeText(text)}.`,
    retryAfterMs === undefined ? {} : { retryAfterMs },
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
