import { OperationTypeNode } from 'graphql';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import type { ResponseCaching } from '../transports/response-caching.js';
import type { SubgraphRequest, SubgraphResponse, Transport } from '../transports/transport.js';
import { labelEntity, labelRoot, mergeLabels } from './labels.js';

/** How long a response may be kept that was made of several answers. */
export interface CollectedPolicy extends Pick<ResponseCaching, 'maxAgeMs' | 'scope'> {
  readonly labels: readonly string[];
}

/** Watches the fetches of operations for how long their answers may be kept. */
export interface PolicyCollector {
  /** A transport whose fetches are watched. @param isKept whether its answers may be kept at all. */
  observe(transport: Transport, isKept: boolean): Transport;
  /** Begins to watch an operation: it must be executed in the returned context, which no other has. */
  watch(context: RequestContext): WatchedOperation;
}

/** An operation whose fetches are watched. */
export interface WatchedOperation {
  readonly context: RequestContext;
  /** The strictest of what its fetches said; undefined when one of them forbids it, or none was made. */
  read(): CollectedPolicy | undefined;
}

/** What the fetches of one operation said so far. */
class Collected {
  #isForbidden = false;
  #maxAgeMs = Number.POSITIVE_INFINITY;
  #scope: ResponseCaching['scope'] = 'public';
  readonly #labels = new Set<string>();

  forbid(): void {
    this.#isForbidden = true;
  }

  add({ operation, representations }: SubgraphRequest, { caching, errors = [] }: SubgraphResponse): void {
    if (!caching || errors.length > 0) {
      this.forbid();
      return;
    }
    this.#maxAgeMs = Math.min(this.#maxAgeMs, caching.maxAgeMs);
    if (caching.scope === 'private') this.#scope = 'private';
    const { subgraph } = operation;
    const labels = representations
      ? representations.flatMap((text, index) => labelEntity(subgraph, text, caching.entityTags?.[index]))
      : labelRoot(subgraph, caching.tags);
    for (const label of labels) this.#labels.add(label);
  }

  read(): CollectedPolicy | undefined {
    if (this.#isForbidden || !Number.isFinite(this.#maxAgeMs)) return undefined;
    return { maxAgeMs: this.#maxAgeMs, scope: this.#scope, labels: mergeLabels(this.#labels) };
  }
}

/** Makes a collector that watches nothing yet. */
export function createPolicyCollector(): PolicyCollector {
  const watched = new WeakMap<RequestContext, Collected>();
  return {
    observe: (transport, isKept) => ({
      ...transport,
      async execute(request) {
        const collected = watched.get(request.context);
        if (!collected) return transport.execute(request);
        if (!isKept || request.operation.kind !== OperationTypeNode.QUERY) collected.forbid();
        try {
          const response = await transport.execute(request);
          collected.add(request, response);
          return response;
        } catch (error) {
          collected.forbid();
          throw error;
        }
      },
    }),
    watch(context) {
      const own = { ...context };
      const collected = new Collected();
      watched.set(own, collected);
      return { context: own, read: () => collected.read() };
    },
  };
}
