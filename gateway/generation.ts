import type { DocumentNode, GraphQLError } from 'graphql';
import { AegisError } from '../kernel/errors/aegis-error.js';
import { readDocument } from '../kernel/graphql/read-document.js';
import { createExecutor, type Executor } from './execution/executor.js';
import type { PreparedOperation } from './execution/prepared-operation.js';
import type { GatewayMetrics } from './gateway-metrics.js';
import { countSelections } from './planning/count-selections.js';
import { LruMap } from './planning/lru-map.js';
import { createOperationCache } from './planning/operation-cache.js';
import type { PlannedSupergraph } from './planning/planning.js';
import type { SupergraphSnapshot } from './supergraph/snapshot.js';
import type { AcquiredTransports, TransportPool } from './transports/transport-pool.js';
import type { Transport } from './transports/transport.js';

/**
 * Everything that belongs to one supergraph: its schema, documents, plans and transports. An operation keeps the
 * generation that it began with, so a newer one never changes a running request.
 */
export interface Generation {
  readonly snapshot: SupergraphSnapshot;
  readonly executor: Executor;
  /** Of each subgraph; empty once the generation has retired and its last operation has ended. */
  readonly transports: ReadonlyMap<string, Transport>;
  /** Parses and validates a document, or says what is wrong with it. */
  readDocument(text: string): DocumentNode | readonly GraphQLError[];
  /** @param document a valid document. Errors: GraphQLError when it has no such operation. */
  prepare(document: DocumentNode, operationName: string | undefined): PreparedOperation;
  /**
   * Marks the begin of an operation; the returned function marks its end. An operation that was read before its
   * generation retired may still begin afterwards: then the transports are opened again for as long as it runs.
   */
  hold(): () => void;
  /** No longer the current one: whenever no operation of it runs, transports that nobody else uses are closed. */
  retire(): void;
}

export interface GenerationOptions {
  readonly supergraph: PlannedSupergraph;
  readonly pool: TransportPool;
  readonly metrics: GatewayMetrics;
  /** How many operations keep their plans, and how many texts their documents. */
  readonly cacheSize: number;
  /** How long an operation may take, in milliseconds. */
  readonly operationTimeoutMs: number;
  /** The most selections an operation may have once its fragments are spread. */
  readonly maxSelections: number;
}

/** The most tokens a document may have: beyond it, parsing itself is the attack. */
export const MAX_TOKENS = 15_000;

/** Longer texts are read anew each time, so that a full cache stays within some ten megabytes. */
const MAX_KEPT_CHARACTERS = 16_384;

/** Errors: when the supergraph cannot be executed, or one of its transports not be opened. */
export function createGeneration(options: GenerationOptions): Generation {
  const { supergraph, pool, metrics, cacheSize, operationTimeoutMs } = options;
  const { snapshot, planner } = supergraph;
  const executor = createExecutor({
    snapshot,
    planner,
    onPlan: (found) => {
      metrics.planLookups.inc({ outcome: found ? 'hit' : 'miss' });
    },
    transportFor,
    timeoutMs: operationTimeoutMs,
    planCacheSize: cacheSize,
  });
  const documents = new LruMap<string, DocumentNode>(cacheSize);
  const operations = createOperationCache({
    capacity: cacheSize,
    maxCharacters: MAX_KEPT_CHARACTERS,
    make(document, operationName) {
      checkCost(document, options.maxSelections);
      return executor.prepare(document, operationName);
    },
  });
  let acquired: AcquiredTransports | undefined = pool.acquire(snapshot.subgraphs);
  let running = 0;
  let retired = false;

  function transportFor(subgraph: string): Transport {
    const transport = acquired?.byName.get(subgraph);
    if (!transport) throw new Error(`the plan names subgraph ${subgraph}, which the supergraph does not`);
    return transport;
  }

  function releaseWhenIdle(): void {
    if (!retired || running > 0) return;
    void acquired?.release();
    acquired = undefined;
    supergraph.close();
  }

  return {
    snapshot,
    executor,
    get transports() {
      return acquired?.byName ?? new Map<string, Transport>();
    },
    readDocument(text) {
      const known = documents.get(text);
      if (known) return known;
      const outcome = readDocument(text, { schema: snapshot.apiSchema, maxTokens: MAX_TOKENS });
      if ('kind' in outcome && text.length <= MAX_KEPT_CHARACTERS) documents.set(text, outcome);
      return outcome;
    },
    prepare: (document, operationName) => operations.get(document, operationName),
    hold() {
      acquired ??= pool.acquire(snapshot.subgraphs);
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
      retired = true;
      // What still runs has its plan, as a rule; for the rest it is opened again.
      supergraph.close();
      releaseWhenIdle();
    },
  };
}

/** Errors: OPERATION_TOO_COSTLY. Planning takes time for each selection, for which all others wait that need a plan. */
function checkCost(document: DocumentNode, maxSelections: number): void {
  const selections = countSelections(document);
  if (selections <= maxSelections) return;
  throw new AegisError(
    'OPERATION_TOO_COSTLY',
    `expected at most ${maxSelections} selections with all fragments spread, got ${selections}. Ask for less at a time.`,
  );
}
