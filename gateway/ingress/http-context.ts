import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import type { TraceContext } from '../../kernel/telemetry/trace-context.js';
import type { AdmittedOperation, RefusedOperation } from '../access/admission.js';
import type { ClientIdentity } from './client-identity.js';
import type { OperationRecord } from './operation-log.js';

/** What Apollo Server hands from the HTTP request to the execution of its operation; a copy for each of a batch. */
export interface HttpContext extends RequestContext {
  /** Of the request, and then of its operation. */
  trace: TraceContext;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  /** What sends the request. */
  readonly client: ClientIdentity;
  /** Of the operations of the request, for a batch of all; they end with the response. */
  readonly records: OperationRecord[];
  /** Whether the request has a list of operations; Apollo Server does not tell its plugins. */
  readonly isBatch?: boolean;
  /** What became of the operation; known once its request has begun. */
  admission?: AdmittedOperation | RefusedOperation;
}
