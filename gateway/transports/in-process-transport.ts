import {
  execute,
  validate,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLSchema,
} from 'graphql';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { toWireError } from '../../kernel/errors/wire-error.js';
import type { Health, RequestContext } from '../../kernel/graphql/subgraph.js';
import { subscribePerEvent } from '../../kernel/graphql/subscribe-per-event.js';
import { untilAborted } from '../../kernel/lifecycle/until-aborted.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import { createCachingOf } from './schema-caching.js';
import { createTagsOf } from './schema-tags.js';
import { SubscriptionRefused } from './subscription-refused.js';
import { readVariables, type SubgraphRequest, type SubgraphResponse, type Transport } from './transport.js';

/** A subgraph that lives in this process. */
export interface LocalSubgraph {
  readonly name: string;
  readonly schema: GraphQLSchema;
  createContext(request: RequestContext): RequestContext;
  health(): Promise<Health>;
}

export interface InProcessTransportOptions {
  readonly subgraph: LocalSubgraph;
  readonly logger: Logger;
}

/** Calls a subgraph in this process: documents are parsed and checked once, results are handed over without JSON. */
export function createInProcessTransport({ subgraph, logger }: InProcessTransportOptions): Transport {
  const { schema } = subgraph;
  const cachingOf = createCachingOf(schema);
  const tagsOf = createTagsOf(schema);
  const checked = new WeakSet<DocumentNode>();

  /** A fetch that the subgraph's schema refuses comes from a stale supergraph: that must show, not end in nulls. */
  function check(document: DocumentNode): void {
    if (checked.has(document)) return;
    const [error] = validate(schema, document);
    if (error) {
      throw new AegisError(
        'UPSTREAM_FAILED',
        `subgraph ${subgraph.name} does not take a planned fetch: ${error.message} Compose the supergraph again.`,
      );
    }
    checked.add(document);
  }

  function toResponse(result: ExecutionResult, { context }: SubgraphRequest): SubgraphResponse {
    const { traceId } = context.trace;
    const onMasked = (error: unknown) => {
      logger.error({ err: error, subgraph: subgraph.name, traceId }, 'a resolver failed');
    };
    return {
      data: result.data,
      errors: result.errors?.map((error) => toWireError(error, { traceId, onMasked })),
    };
  }

  function argumentsOf(request: SubgraphRequest): ExecutionArgs {
    const { operation, context } = request;
    check(operation.document);
    const contextValue = subgraph.createContext(context);
    return { schema, document: operation.document, variableValues: readVariables(request), contextValue };
  }

  return {
    async execute(request) {
      const result = execute(argumentsOf(request));
      const response = toResponse(await untilAborted(Promise.resolve(result), request.signal), request);
      const caching = cachingOf(request.operation.document);
      return caching ? { ...response, caching: { ...caching, ...tagsOf(request) } } : response;
    },
    async subscribe(request) {
      const { context, signal } = request;
      // Each event has a context of its own: the loaders of one are not those of the next.
      const opening = subscribePerEvent(argumentsOf(request), () => subgraph.createContext(context), {
        toEvent: (result) => toResponse(result, request),
        signal,
      });
      const events = await untilAborted(opening, signal).catch((error: unknown) => {
        endWhenOpen(opening);
        throw error;
      });
      if (Symbol.asyncIterator in events) return events;
      throw new SubscriptionRefused(toResponse(events, request).errors ?? []);
    },
    health: () => subgraph.health(),
    close: () => Promise.resolve(),
  };
}

/** Ends a stream that opens after the one who asked for it has left. */
function endWhenOpen(opening: ReturnType<typeof subscribePerEvent>): void {
  opening
    .then(async (events) => {
      if (Symbol.asyncIterator in events) await events.return?.();
    })
    .catch(() => undefined);
}
