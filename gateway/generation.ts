import type { DocumentNode, GraphQLError } from 'graphql';
import { readDocument } from '../kernel/graphql/read-document.js';
import { createExecutor, type Executor } from './execution/executor.js';
import { explainPlan, type ExplainedPlan } from './execution/explain-plan.js';
import type { PreparedOperation } from './execution/prepared-operation.js';
import type { GatewayMetrics } from './gateway-metrics.js';
import { compactDocument } from './planning/compact-document.js';
import { LruMap } from './planning/lru-map.js';
import { createOperationCache } from './planning/operation-cache.js';
import { OPERATION_LIMITS, type OperationLimitSettings } from './planning/operation-limit-settings.js';
import { createOperationLimits, type OperationLimits } from './planning/operation-limits.js';
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
  readonly limits: OperationLimits;
  /** Of each subgraph; empty once the generation has retired and its last operation has ended. */
  readonly transports: ReadonlyMap<string, Transport>;
  /** Parses and validates a document, or says what is wrong with it. */
  readDocument(text: string): DocumentNode | readonly GraphQLError[];
  /**
   * @param document a valid document.
   * Errors: GraphQLError when it has no such operation; OPERATION_TOO_COSTLY when it is larger than the limits allow.
   */
  prepare(document: DocumentNode, operationName: string | undefined): PreparedOperation;
  /** How an operation would be answered. Errors: when it cannot be. */
  explain(operation: PreparedOperation, variables: Readonly<Record<string, unknown>>): Promise<ExplainedPlan>;
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
  /** What is not given is as in OPERATION_LIMITS. */
  readonly limits: Partial<OperationLimitSettings>;
  /** The labels under which fields have moved to their new subgraph. */
  readonly activeOverrides: ReadonlySet<string>;
}

/** Longer texts are read anew each time, so that a full cache stays within some ten megabytes. */
const MAX_KEPT_CHARACTERS = 16_384;

/** Errors: when the supergraph cannot be executed, or one of its transports not be opened. */
export function createGeneration(options: GenerationOptions): Generation {
  const { supergraph, pool, metrics, cacheSize, operationTimeoutMs, activeOverrides } = options;
  const { snapshot, planner } = supergraph;
  const isOverrideActive = (label: string) => activeOverrides.has(label);
  const executor = createExecutor({
    snapshot,
    planner,
    isOverrideActive,
    onPlan: (found) => {
      metrics.planLookups.inc({ outcome: found ? 'hit' : 'miss' });
    },
    transportFor,
    timeoutMs: operationTimeoutMs,
    planCacheSize: cacheSize,
  });
  const { apiSchema: schema, sdl: supergraphSdl } = snapshot;
  const settings = { ...OPERATION_LIMITS, ...options.limits };
  const limits = createOperationLimits({ schema, supergraphSdl, settings });
  const documents = new LruMap<string, DocumentNode>(cacheSize);
  const operations = createOperationCache({
    capacity: cacheSize,
    maxCharacters: MAX_KEPT_CHARACTERS,
    make(document, operationName) {
      limits.check(document, operationName);
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
    limits,
    get transports() {
      return acquired?.byName ?? new Map<string, Transport>();
    },
    readDocument(text) {
      const known = documents.get(text);
      if (known) return known;
      const outcome = readDocument(text, { schema, maxTokens: settings.maxTokens });
      if (!('kind' in outcome) || text.length > MAX_KEPT_CHARACTERS) return outcome;
      const document = compactDocument(outcome, text);
      documents.set(text, document);
      return document;
    },
    prepare: (document, operationName) => operations.get(document, operationName),
    explain: (operation, variables) =>
      explainPlan({ operation, variables, snapshot, planner, isOverrideActive }),
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
