import { GraphQLError, type OperationDefinitionNode } from 'graphql';
import type { AegisError } from '../../../kernel/errors/aegis-error.js';
import { formatResult, type FormatErrors } from '../../../kernel/graphql/format-errors.js';
import type { Admission, AdmittedOperation, RefusedOperation } from '../../access/admission.js';
import type { OperationRequest } from '../../access/operation-request.js';
import type { Gateway } from '../../gateway.js';
import type { OperationLog } from '../operation-log.js';
import type { ToolCall, ToolOutcome } from './tool.js';

/** Runs an operation for an agent, as one that came by HTTP: the same admission, limits, execution, log and errors. */
export type RunOperation = (
  request: Omit<OperationRequest, 'extensions'>,
  call: ToolCall,
  refuse?: (definition: OperationDefinitionNode) => AegisError | undefined,
) => Promise<ToolOutcome>;

export interface RunOperationOptions {
  readonly gateway: Pick<Gateway, 'execute'>;
  readonly admission: Admission;
  readonly log: OperationLog;
  readonly formatErrors: FormatErrors;
}

/** Makes what runs the operations of one server. `refuse` says why an admitted operation is not for agents. */
export function createRunOperation(options: RunOperationOptions): RunOperation {
  const { gateway, admission, log, formatErrors } = options;

  return async (request, call, refuse) => {
    const { context, client, signal } = call;
    const { principal, trace } = context;
    const outcome = narrow(admission.admit({ ...request, extensions: {} }, principal), refuse);
    const record = log.begin({ via: 'mcp', principal, trace, client, admission: outcome });
    const result =
      outcome.kind === 'refused'
        ? outcome
        : await gateway.execute({ ...outcome, context: { ...context, trace: record.trace }, signal });
    const { errors, data, extensions } = formatResult(result, formatErrors, trace);
    // Who has left is answered nothing.
    if (!signal.aborted) record.settle({ data, errors });
    record.end();
    return {
      structured: {
        ...(data === undefined ? {} : { data }),
        ...(errors ? { errors } : {}),
        ...(extensions ? { extensions } : {}),
      },
    };
  };
}

function narrow(
  outcome: AdmittedOperation | RefusedOperation,
  refuse: Parameters<RunOperation>[2],
): AdmittedOperation | RefusedOperation {
  const originalError = outcome.kind === 'admitted' ? refuse?.(outcome.definition) : undefined;
  if (!originalError) return outcome;
  return { kind: 'refused', errors: [new GraphQLError(originalError.message, { originalError })] };
}
