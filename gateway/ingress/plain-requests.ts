import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { OperationTypeNode, type GraphQLFormattedError } from 'graphql';
import { LRUCache } from 'lru-cache';
import Negotiator from 'negotiator';
import { ERROR_CODES, isErrorCode } from '../../kernel/errors/codes.js';
import type { FormatErrors } from '../../kernel/graphql/format-errors.js';
import type { Admission, AdmittedOperation } from '../access/admission.js';
import type { OperationRequest } from '../access/operation-request.js';
import { WrittenData, writeResult } from '../execution/written-data.js';
import type { Gateway } from '../gateway.js';
import type { HttpContext } from './http-context.js';
import type { OperationLog } from './operation-log.js';
import { readPosted } from './read-posted.js';
import { createTellAge } from './tell-age.js';

export interface PlainRequestOptions {
  readonly gateway: Gateway;
  readonly admission: Admission;
  readonly log: OperationLog;
  readonly formatErrors: FormatErrors;
  /** Who asks: found when the request came in. */
  readonly contextOf: (request: FastifyRequest) => HttpContext;
}

/** What Apollo Server offers, in its order. */
const MEDIA_TYPES = ['application/json; charset=utf-8', 'application/graphql-response+json; charset=utf-8'];

/** How many values of `Accept` are kept with the media type that they come to. */
const KEPT_ACCEPTS = 100;

/**
 * Answers by itself what nearly all requests are: a POST of JSON with one query or mutation, whose client accepts JSON and
 * no stream. Apollo Server would do the same at several times the cost. It answers all others, and whatever is not
 * admitted: GET, batches, files, explanations, responses in parts.
 *
 * Source: GraphQL over HTTP, draft of 2024, §5.4, §6.4, as Apollo Server follows it.
 */
export function registerPlainRequests(scope: FastifyInstance, options: PlainRequestOptions): void {
  const { admission, contextOf } = options;
  const chooseMediaType = createMediaTypeChoice();

  function admit(request: FastifyRequest): AdmittedOperation | undefined {
    const asked = readPlain(request);
    const outcome = asked && admission.admit(asked, contextOf(request).principal);
    if (outcome?.kind !== 'admitted') return undefined;
    return outcome.definition.operation === OperationTypeNode.SUBSCRIPTION ? undefined : outcome;
  }

  scope.addHook('preHandler', (request, reply, done) => {
    const mediaType = chooseMediaType(request.headers.accept);
    const admitted = mediaType === undefined ? undefined : admit(request);
    if (!admitted || mediaType === undefined) done();
    else answer(admitted, { ...options, request, reply, mediaType }).catch(done);
  });
}

function readPlain(request: FastifyRequest): OperationRequest | undefined {
  const { method, url, headers } = request;
  const isPlain = method === 'POST' && !url.includes('?') && headers['aegis-explain'] === undefined;
  return isPlain ? readPosted(request) : undefined;
}

/** Makes what chooses the media type of a response as Apollo Server does; undefined leaves the response to that. */
function createMediaTypeChoice(): (accept: string | undefined) => string | undefined {
  const known = new LRUCache<string, { readonly mediaType: string | undefined }>({ max: KEPT_ACCEPTS });

  function choose(accept: string): string | undefined {
    if (accept.includes('multipart/') || accept.includes('text/event-stream')) return undefined;
    return new Negotiator({ headers: { accept } }).mediaType(MEDIA_TYPES);
  }

  return (accept = '*/*') => {
    const kept = known.get(accept) ?? { mediaType: choose(accept) };
    known.set(accept, kept);
    return kept.mediaType;
  };
}

interface PlainExchange extends PlainRequestOptions {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly mediaType: string;
}

async function answer(
  admitted: AdmittedOperation,
  { gateway, log, formatErrors, contextOf, request, reply, mediaType }: PlainExchange,
): Promise<void> {
  const { principal, trace: begun, headers, client, records, signal } = contextOf(request);
  const record = log.begin({ via: 'http', principal, trace: begun, client, admission: admitted });
  records.push(record);
  const { trace } = record;
  let cacheControl = 'no-store';
  const onAge = createTellAge(
    {
      overallCachePolicy: {
        restrict({ maxAge, scope }) {
          if (maxAge > 0) cacheControl = `max-age=${maxAge}, ${scope.toLowerCase()}`;
        },
      },
      response: { http: { headers: headersOf(reply) } },
    },
    principal,
  );
  const context = { trace, principal, headers };
  const { data, errors } = await gateway.execute({ ...admitted, context, signal, written: true, onAge });
  const result = {
    ...(errors && { errors: formatErrors(errors, trace) }),
    ...(data !== undefined && { data }),
  };
  record.settle(result);
  const isOnlyData = data instanceof WrittenData && !errors;
  void reply
    .code(data === undefined ? statusOf(result.errors) : 200)
    .header('content-type', mediaType)
    .header('cache-control', errors ? 'no-store' : cacheControl)
    .send(isOnlyData ? data.response : writeResult(result));
}

/** Of a request that did not come to an execution. */
function statusOf(errors: readonly GraphQLFormattedError[] | undefined): number {
  const code = errors?.[0]?.extensions?.['code'];
  return isErrorCode(code) ? ERROR_CODES[code].httpStatus : 200;
}

function headersOf(reply: FastifyReply) {
  return {
    get(name: string): string | undefined {
      const value = reply.getHeader(name);
      return value === undefined ? undefined : String(value);
    },
    set: (name: string, value: string) => reply.header(name, value),
  };
}
