import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GraphQLError, OperationTypeNode, type FormattedExecutionResult } from 'graphql';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { formatResult, type FormatErrors } from '../../kernel/graphql/format-errors.js';
import type { Admission, AdmittedOperation, RefusedOperation } from '../access/admission.js';
import { readOperationRequest, type OperationRequest } from '../access/operation-request.js';
import type { Gateway } from '../gateway.js';
import type { GatewayOperation } from '../gateway-operation.js';
import type { SubscriptionHub } from '../subscriptions/subscription-hub.js';
import type { HttpContext } from './http-context.js';
import type { OperationLog } from './operation-log.js';
import { isJson, isObject, readPosted } from './read-posted.js';
import { recordSink } from './recorded-sink.js';
import { findStreamFormat, type AcceptedStream } from './stream-format.js';
import { openStreamedResponse } from './streamed-response.js';

export interface EventStreamOptions {
  readonly gateway: Gateway;
  readonly admission: Admission;
  readonly hub: SubscriptionHub;
  readonly log: OperationLog;
  readonly formatErrors: FormatErrors;
  /** Who asks: found when the request came in. */
  readonly contextOf: (request: FastifyRequest) => HttpContext;
}

/**
 * Answers by a stream who asks for one: subscriptions by Server-Sent Events or multipart, and other operations by
 * Server-Sent Events when nothing else is accepted. All other requests, and those that are malformed or might be sent by a
 * foreign page without being asked (CSRF), go on to Apollo Server.
 */
export function registerEventStreams(scope: FastifyInstance, options: EventStreamOptions): void {
  scope.addHook('preHandler', (request, reply, done) => {
    const accepted = findStreamFormat(request.headers.accept);
    const asked = accepted && readRequest(request);
    if (!accepted || !asked) {
      done();
      return;
    }
    const outcome = options.admission.admit(asked, options.contextOf(request).principal);
    if (isForApollo(outcome, accepted, request.method)) {
      done();
      return;
    }
    if (isUnsafe(outcome, request.method)) refuseMutation({ ...options, request, reply });
    else stream(outcome, accepted, { ...options, request, reply });
  });
}

type Outcome = AdmittedOperation | RefusedOperation;

function isForApollo(outcome: Outcome, { format, orJson }: AcceptedStream, method: string): boolean {
  if (outcome.kind === 'refused') return orJson;
  const { operation } = outcome.definition;
  if (operation === OperationTypeNode.SUBSCRIPTION) return false;
  return orJson || (format.name !== 'sse' && !isUnsafe(outcome, method));
}

/** Whether a mutation comes by GET. */
function isUnsafe(outcome: Outcome, method: string): boolean {
  return (
    method === 'GET' &&
    outcome.kind === 'admitted' &&
    outcome.definition.operation === OperationTypeNode.MUTATION
  );
}

/** Source: GraphQL over HTTP, draft of 2024, §5.3: a mutation by GET is answered by 405. */
function refuseMutation({ request, reply, formatErrors, log, contextOf }: Exchange): void {
  const { trace, principal, client, records } = contextOf(request);
  const originalError = new AegisError('BAD_USER_INPUT', 'expected mutations by POST, got one by GET.');
  const refusal = [new GraphQLError(originalError.message, { originalError })];
  const admission = { kind: 'refused', errors: refusal } as const;
  const record = log.begin({ via: 'http', principal, trace, client, admission });
  records.push(record);
  const result = { errors: formatErrors(refusal, trace) };
  record.settle(result);
  void reply.code(405).header('allow', 'POST').send(result);
}

interface Exchange extends EventStreamOptions {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

function stream(outcome: Outcome, { format }: AcceptedStream, exchange: Exchange): void {
  const { request, reply, hub, formatErrors, contextOf } = exchange;
  const { trace, principal, headers, signal, client, records } = contextOf(request);
  const record = exchange.log.begin({ via: format.name, principal, trace, client, admission: outcome });
  records.push(record);
  const response = openStreamedResponse({
    response: takeOver(reply, format.contentType),
    format,
    formatErrors: (errors) => formatErrors(errors, trace),
  });
  const answer = (result: FormattedExecutionResult) => {
    record.settle(result);
    response.answer(result);
  };
  if (outcome.kind === 'refused') {
    answer({ errors: formatErrors(outcome.errors, trace) });
    return;
  }
  const context = { principal, trace: record.trace, headers };
  const operation: GatewayOperation = { ...outcome, context, signal };
  if (outcome.definition.operation === OperationTypeNode.SUBSCRIPTION) {
    const leave = hub.join(operation, reply.raw, recordSink(response, record));
    reply.raw.once('close', leave);
    return;
  }
  // It never throws.
  void exchange.gateway.execute(operation).then((result) => {
    answer(formatResult(result, formatErrors, trace));
  });
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

/** What a request asks for that may be answered by a stream; undefined for one that Apollo Server should judge. */
function readRequest({ method, body, query, headers }: FastifyRequest): OperationRequest | undefined {
  if (method === 'POST') return readPosted({ body, headers });
  if (method !== 'GET' || !isObject(query) || !isAskedFor(headers)) return undefined;
  const variables = parseJson(query['variables']);
  const extensions = parseJson(query['extensions']);
  if (variables === null || extensions === null) return undefined;
  return readOperationRequest({ ...query, variables, extensions });
}

/**
 * Whether a GET request cannot have been sent by a foreign page that was not allowed to: the browser would have had to ask.
 * These are the rules by which Apollo Server prevents cross-site request forgery.
 */
function isAskedFor(headers: FastifyRequest['headers']): boolean {
  if (headers['apollo-require-preflight'] || headers['x-apollo-operation-name']) return true;
  return isJson(headers['content-type']);
}

/** The value of a parameter; undefined when it is not given, null when it cannot be read. */
function parseJson(text: unknown): unknown {
  if (text === undefined) return undefined;
  try {
    return typeof text === 'string' ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}
