import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import type { AdmittedOperation, RefusedOperation } from '../access/admission.js';

/** What Apollo Server hands from the HTTP request to the execution of its operation; a copy for each of a batch. */
export interface HttpContext extends RequestContext {
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  /** What became of the operation; known once its request has begun. */
  admission?: AdmittedOperation | RefusedOperation;
}
