import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { getOperationAST, GraphQLError, OperationTypeNode } from 'graphql';
import { formatResult, type FormatErrors } from '../../kernel/graphql/format-errors.js';
import type { Gateway } from '../gateway.js';
import type { GatewayOperation } from '../gateway-operation.js';
import type { SubscriptionHub } from '../subscriptions/subscription-hub.js';
import type { HttpContext } from './gateway-interface.js';
import { findStreamFormat, type AcceptedStream } from './stream-format.js';
import { openStreamedResponse, type StreamedResponse } from './streamed-response.js';

export interface EventStreamOptions {
  readonly gateway: Gateway;
  readonly hub: SubscriptionHub;
  readonly formatErrors: FormatErrors;
  /** Who asks: found when the request came in. */
  readonly contextOf: (request: FastifyRequest) => HttpContext;
}

/** The parameters of a GraphQL request. */
interface Parameters {
  readonly query: string;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>> | undefined;
}

/** What a request turned out to be: an operation, or what is wrong with it. */
type Reading = { readonly operation: GatewayOperation; readonly kind: OperationTypeNode } | GraphQLErrors;
interface GraphQLErrors {
  readonly errors: readonly GraphQLError[];
}

/**
 * Answers by a stream who asks for one: subscriptions by Server-Sent Events or multipart, and other operations by
 * Server-Sent Events when nothing else is accepted. All other requests, and those that are malformed or might be sent by a
 * foreign page without being asked (CSRF), go on to Apollo Server.
 */
export function registerEventStreams(scope: FastifyInstance, options: EventStreamOptions): void {
  scope.addHook('preHandler', (request, reply, done) => {
    const accepted = findStreamFormat(request.headers.accept);
    const parameters = accepted && readParameters(request);
    if (!accepted || !parameters) {
      done();
      return;
    }
    const reading = readOperation(parameters, options.contextOf(request), options.gateway);
    if (isForApollo(reading, accepted, request.method)) {
      done();
      return;
    }
    stream(reading, accepted, { ...options, request, reply });
  });
}

function readOperation(
  { query, operationName, variables }: Parameters,
  { principal, trace, headers, signal }: HttpContext,
  { current: generation }: Gateway,
): Reading {
  const document = generation.readDocument(query);
  if (!('kind' in document)) return { errors: document };
  const kind = getOperationAST(document, operationName)?.operation;
  if (!kind) return { errors: [new GraphQLError('Unable to identify operation')] };
  const context = { principal, trace, headers };
  return { kind, operation: { generation, document, operationName, variables, context, signal } };
}

function isForApollo(reading: Reading, { format, orJson }: AcceptedStream, method: string): boolean {
  if ('errors' in reading) return orJson;
  if (reading.kind === OperationTypeNode.SUBSCRIPTION) return false;
  // A mutation by GET is refused there.
  return orJson || format.name !== 'sse' || (method === 'GET' && reading.kind === OperationTypeNode.MUTATION);
}

interface Exchange extends EventStreamOptions {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

function stream(reading: Reading, { format }: AcceptedStream, exchange: Exchange): void {
  const { request, reply, hub, formatErrors, contextOf } = exchange;
  const { trace } = contextOf(request);
  const response = openStreamedResponse({
    response: takeOver(reply, format.contentType),
    format,
    formatErrors: (errors) => formatErrors(errors, trace),
  });
  if ('errors' in reading) response.answer({ errors: formatErrors(reading.errors, trace) });
  else if (reading.kind !== OperationTypeNode.SUBSCRIPTION)
    void execute(reading.operation, response, exchange);
  else {
    const leave = hub.join(reading.operation, reply.raw, response);
    reply.raw.once('close', leave);
  }
}

async function execute(
  operation: GatewayOperation,
  response: StreamedResponse,
  { gateway, formatErrors }: Exchange,
): Promise<void> {
  // It never throws.
  const result = await gateway.execute(operation);
  response.answer(formatResult(result, formatErrors, operation.context.trace));
}

/** Takes the response out of Fastify's hands, with the headers that it has so far: those for other origins. */
function takeOver(reply: FastifyReply, contentType: string): FastifyReply['raw'] {
  reply.hijack();
  return reply.raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': contentType,
    'cache-control': 'no-store',
    // A proxy that gathers the response would hold events back.
    'x-accel-buffering': 'no',
  });
}

/** The parameters of a request that may be answered by a stream; undefined for one that Apollo Server should judge. */
function readParameters({ method, body, query, headers }: FastifyRequest): Parameters | undefined {
  if (method === 'POST')
    return isObject(body) && isJson(headers['content-type']) ? toParameters(body) : undefined;
  if (method !== 'GET' || !isObject(query) || !isAskedFor(headers)) return undefined;
  const variables = query['variables'] === undefined ? undefined : parseJson(query['variables']);
  return variables === null ? undefined : toParameters({ ...query, variables });
}

function toParameters({ query, operationName, variables }: Record<string, unknown>): Parameters | undefined {
  if (typeof query !== 'string') return undefined;
  if (operationName !== undefined && operationName !== null && typeof operationName !== 'string')
    return undefined;
  if (variables !== undefined && variables !== null && !isObject(variables)) return undefined;
  return { query, operationName: operationName ?? undefined, variables: variables ?? undefined };
}

/**
 * Whether a GET request cannot have been sent by a foreign page that was not allowed to: the browser would have had to ask.
 * These are the rules by which Apollo Server prevents cross-site request forgery.
 */
function isAskedFor(headers: FastifyRequest['headers']): boolean {
  if (headers['apollo-require-preflight'] || headers['x-apollo-operation-name']) return true;
  return isJson(headers['content-type']);
}

function isJson(contentType: string | undefined): boolean {
  return /^\s*application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType ?? '');
}

function parseJson(text: unknown): unknown {
  try {
    return typeof text === 'string' ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
