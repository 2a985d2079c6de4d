import { OperationTypeNode } from 'graphql';
import type { Principal } from '../../kernel/identity/principal.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import type { Metrics } from '../../kernel/telemetry/metrics.js';
import type { TraceContext } from '../../kernel/telemetry/trace-context.js';
import type { Tracing } from '../../kernel/telemetry/tracing.js';
import type { AdmittedOperation, RefusedOperation } from '../access/admission.js';
import { createBoundedLabels } from './bounded-labels.js';
import type { ClientIdentity } from './client-identity.js';
import { createOperationCounter } from './operation-counter.js';
import { createTraceOperations } from './trace-operations.js';

/** Who asked for an operation, by which way, and whether it was admitted. */
export interface OperationFacts {
  readonly via: 'http' | 'sse' | 'multipart' | 'websocket' | 'mcp';
  readonly principal: Principal;
  readonly trace: TraceContext;
  readonly client: ClientIdentity;
  readonly admission: AdmittedOperation | RefusedOperation;
}

/** What became of one operation, as far as is known. Nothing of its variables or of its data is kept. */
export interface OperationRecord {
  /** The trace as it goes on below the operation: for its context. */
  readonly trace: TraceContext;
  /** What the client is told first, or next, of a result that comes in parts. */
  part(result: OperationResult): void;
  /** A result as it goes to the client, or the last part of one. */
  settle(result: OperationResult): void;
  /** An event of a subscription. */
  event(payloadBytes: number): void;
  /** There is no more to come. Only the first call counts. */
  end(responseBytes?: number): void;
}

/** What is looked at of a result, or of a part of one. */
export interface OperationResult {
  readonly data?: unknown;
  readonly errors?: readonly { readonly extensions?: Readonly<Record<string, unknown>> }[] | undefined;
}

/** Tells of every operation, whichever way it came, by a line of the log, by metrics and by a span. */
export interface OperationLog {
  begin(facts: OperationFacts): OperationRecord;
}

export interface OperationLogOptions {
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** How many of a hundred operations have a line; 0 for none. */
  readonly percent: number;
  /** How many names of operations, and how many of clients, the metrics tell apart. */
  readonly maxNames: number;
  readonly tracing?: Tracing | undefined;
  readonly random?: () => number;
}

type Outcome = 'ok' | 'partial' | 'failed' | 'refused' | 'left';

/** Longer names are cut: they go into every line of the log. */
const MAX_NAME_CHARACTERS = 128;

/** Makes the log of one server. */
export function createOperationLog(options: OperationLogOptions): OperationLog {
  const { logger, percent, maxNames, tracing, random = Math.random } = options;
  const operationLabel = createBoundedLabels(maxNames);
  const clientLabel = createBoundedLabels(maxNames);
  const countOperation = createOperationCounter(options.metrics);
  const traceOperation = tracing && createTraceOperations(tracing);

  function count({ name, kind, trusted }: Described, { via, client, outcome }: Counted): void {
    const operation = trusted === undefined ? operationLabel(name) : (name ?? trusted);
    countOperation({ operation, kind: kind ?? 'none', client: clientLabel(client.name), via, outcome });
  }

  function begin({ admission, via, client, principal, trace }: OperationFacts): OperationRecord {
    const isLogged = percent > 0 && random() * 100 < percent;
    const startedAt = isLogged ? performance.now() : 0;
    // A subscription may outlive its supergraph: nothing of what was admitted is kept but its description.
    const described = describe(admission);
    const span = traceOperation?.({ ...described, via, client, trace, admission });
    const isSubscription = described.kind === OperationTypeNode.SUBSCRIPTION;
    const { subject, workspace } = principal;
    const { traceId } = trace;
    let codes: Set<string> | undefined;
    let told: Outcome | undefined;
    let outcome: Outcome | undefined = admission.kind === 'refused' ? 'refused' : undefined;
    let events = 0;
    let eventBytes = 0;
    let ended = false;

    function note({ data, errors }: OperationResult): Outcome {
      if (errors) codes = new Set([...(codes ?? []), ...errors.map(({ extensions }) => codeOf(extensions))]);
      // What the first part had is there, whatever becomes of the others.
      if (told === undefined) told = !errors ? 'ok' : data ? 'partial' : 'failed';
      else if (errors && told === 'ok') told = 'partial';
      return told;
    }

    function end(responseBytes?: number): void {
      if (ended) return;
      ended = true;
      outcome ??= isSubscription ? 'ok' : 'left';
      count(described, { via, client, outcome });
      span?.end({ outcome, codes, events });
      if (!isLogged) return;
      logger.info(
        {
          ...described,
          ...{ via, client, subject, workspace },
          durationMs: Math.round((performance.now() - startedAt) * 1_000) / 1_000,
          outcome,
          codes: codes && [...codes],
          events: isSubscription ? events : undefined,
          bytes: events > 0 ? eventBytes : responseBytes,
          traceId,
        },
        'operation',
      );
    }

    return {
      trace: span?.trace ?? trace,
      part: note,
      settle(result) {
        const now = note(result);
        outcome ??= now;
      },
      event(payloadBytes) {
        events += 1;
        eventBytes += payloadBytes;
      },
      end,
    };
  }

  return { begin };
}

/** What the log says of an operation itself. */
interface Described {
  readonly name?: string | undefined;
  readonly kind?: OperationTypeNode;
  /** The id of the trusted document that it is. */
  readonly trusted?: string | undefined;
}

interface Counted extends Pick<OperationFacts, 'via' | 'client'> {
  readonly outcome: Outcome;
}

function describe(admission: OperationFacts['admission']): Described {
  if (admission.kind === 'refused') return {};
  const { definition, trusted } = admission;
  const name = definition.name?.value.slice(0, MAX_NAME_CHARACTERS);
  return { name, kind: definition.operation, trusted: trusted?.id };
}

function codeOf(extensions: Readonly<Record<string, unknown>> | undefined): string {
  const code = extensions?.['code'];
  return typeof code === 'string' ? code : 'INTERNAL_SERVER_ERROR';
}
