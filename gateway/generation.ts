import { GraphQLError, parse, validate, type DocumentNode } from 'graphql';
import { createExecutor, type Executor, type PreparedOperation } from './execution/executor.js';
import type { GatewayMetrics } from './gateway-metrics.js';
import { LruMap } from './planning/lru-map.js';
import { createPlanCache } from './planning/plan-cache.js';
import { createApolloPlanner } from './planning/planner.js';
import type { SupergraphSnapshot } from './supergraph/snapshot.js';
import type { TransportPool } from './transports/transport-pool.js';
import type { Transport } from './transports/transport.js';

/**
 * Everything that belongs to one supergraph: its schema, documents, plans and transports. An operation keeps the
 * generation that it began with, so a newer one never changes a running request.
 */
export interface Generation {
  readonly snapshot: SupergraphSnapshot;
  readonly executor: Executor;
  readonly transports: ReadonlyMap<string, Transport>;
  /** Parses and validates a document, or says what is wrong with it. */
  readDocument(text: string): DocumentNode | readonly GraphQLError[];
  /** @param document a valid document. Errors: GraphQLError when it cannot be planned. */
  prepare(document: DocumentNode, operationName: string | undefined): PreparedOperation;
  /** Marks the begin of an operation; the returned function marks its end. */
  hold(): () => void;
  /** No new operation begins; when the last one has ended, transports that nobody else uses are closed. */
  retire(): void;
}

export interface GenerationOptions {
  readonly snapshot: SupergraphSnapshot;
  readonly pool: TransportPool;
  readonly metrics: GatewayMetrics;
  /** How many operations keep their plans, and how many texts their documents. */
  readonly cacheSize: number;
  readonly onReleased: () => void;
}

/** The most tokens a document may have: beyond it, parsing itself is the attack. */
const MAX_TOKENS = 15_000;

export function createGeneration({
  snapshot,
  pool,
  metrics,
  cacheSize,
  onReleased,
}: GenerationOptions): Generation {
  const acquired = pool.acquire(snapshot.subgraphs);
  const planner = createApolloPlanner(snapshot);
  const executor = createExecutor({
    snapshot,
    transportFor: (subgraph) => transportOf(subgraph, acquired.byName),
  });
  const documents = new LruMap<string, DocumentNode | readonly GraphQLError[]>(cacheSize);
  const plans = createPlanCache({
    capacity: cacheSize,
    make: (document, operationName) =>
      executor.prepare(document, operationName, planner.plan(document, operationName)),
    onLookup: (found) => {
      metrics.planLookups.inc({ outcome: found ? 'hit' : 'miss' });
    },
  });
  let running = 0;
  let retired = false;

  function releaseWhenIdle(): void {
    if (!retired || running > 0) return;
    // Nothing waits for these sockets any more; a failure to close one concerns nobody.
    acquired.release().then(onReleased, onReleased);
  }

  function parseAndValidate(text: string): DocumentNode | readonly GraphQLError[] {
    try {
      const document = parse(text, { maxTokens: MAX_TOKENS });
      const errors = validate(snapshot.apiSchema, document, undefined, { maxErrors: 20 });
      return errors.length > 0 ? errors : document;
    } catch (error) {
      if (error instanceof GraphQLError) return [error];
      throw error;
    }
  }

  return {
    snapshot,
    executor,
    transports: acquired.byName,
    readDocument(text) {
      const known = documents.get(text);
      if (known) return known;
      const outcome = parseAndValidate(text);
      documents.set(text, outcome);
      return outcome;
    },
    prepare: (document, operationName) => plans.get(document, operationName),
    hold() {
      running += 1;
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        running -= 1;
        releaseWhenIdle();
      };
    },
    retire() {
      if (retired) return;
      retired = true;
      releaseWhenIdle();
    },
  };
}

function transportOf(subgraph: string, transports: ReadonlyMap<string, Transport>): Transport {
  const transport = transports.get(subgraph);
  if (!transport) throw new Error(`the plan names subgraph ${subgraph}, which the supergraph does not`);
  return transport;
}
