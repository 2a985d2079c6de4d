import type { OperationTypeNode } from 'graphql';
import { createTextHashes } from '../../kernel/telemetry/text-hashes.js';
import type { TraceContext } from '../../kernel/telemetry/trace-context.js';
import type { Tracing } from '../../kernel/telemetry/tracing.js';
import type { AdmittedOperation, RefusedOperation } from '../access/admission.js';
import type { ClientIdentity } from './client-identity.js';

/** What is known of an operation when it begins. */
export interface TracedOperation {
  readonly via: string;
  readonly trace: TraceContext;
  readonly client: ClientIdentity;
  readonly admission: AdmittedOperation | RefusedOperation;
  readonly name?: string | undefined;
  readonly kind?: OperationTypeNode | undefined;
}

/** The span of one operation. */
export interface OperationSpan {
  /** The trace as it goes on below it. */
  readonly trace: TraceContext;
  end(ended: EndedOperation): void;
}

interface EndedOperation {
  readonly outcome: string;
  /** Of the errors that the client was told. */
  readonly codes: ReadonlySet<string> | undefined;
  readonly events: number;
}

const CODE = /^[A-Z][A-Z\d_]{0,63}$/;
/** What went wrong in the client's own making is no failure of the gateway. */
const FAULTS: ReadonlySet<string> = new Set(['partial', 'failed']);

/**
 * Makes what begins the span of each operation, whichever way it came: its text as a hash, and nothing of its variables.
 *
 * Source: OpenTelemetry semantic conventions, "GraphQL server": the span's name and the attributes `graphql.*`.
 */
export function createTraceOperations(tracing: Tracing): (operation: TracedOperation) => OperationSpan {
  const hashOf = createTextHashes();
  return ({ via, client, trace, admission, name, kind }) => {
    const admitted = admission.kind === 'admitted' ? admission : undefined;
    const span = tracing.serve(trace, {
      name: kind === undefined ? 'GraphQL Operation' : name === undefined ? kind : `${kind} ${name}`,
      attributes: {
        'graphql.operation.type': kind,
        'graphql.operation.name': name,
        'aegis.graphql.document.hash': admitted && hashOf(admitted.document, admitted.text),
        'aegis.graphql.document.id': admitted?.trusted?.id,
        'aegis.operation.via': via,
        'aegis.client.name': client.name,
        'aegis.client.version': client.version,
      },
    });
    return {
      trace: span.trace,
      end({ outcome, codes, events }) {
        span.set('aegis.operation.outcome', outcome);
        if (events > 0) span.set('aegis.subscription.events', events);
        const [code] = codes ?? [];
        const type = code !== undefined && CODE.test(code) ? code : 'GRAPHQL_ERROR';
        if (FAULTS.has(outcome)) span.fail(type);
        else if (code !== undefined) span.set('error.type', type);
        span.end();
      },
    };
  };
}
