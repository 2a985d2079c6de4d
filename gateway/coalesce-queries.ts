import { OperationTypeNode, type ExecutionResult } from 'graphql';
import type { PreparedOperation } from './execution/prepared-operation.js';
import type { GatewayOperation } from './gateway-operation.js';
import { forwardedKeyOf } from './transports/forwarded-key.js';
import { createInFlight, type InFlight } from './transports/in-flight.js';

type Execute = (operation: GatewayOperation) => Promise<ExecutionResult>;

/**
 * Executes queries that are equal and under way at one time once: the same operation of the same generation, with the same
 * variables, for the same identity and forwarded headers. A client that leaves ends its wait, and the execution when
 * nobody else waits for it.
 *
 * Only results that are written are shared, for these nobody changes. What subgraphs are told of traces is the first
 * client's.
 */
export function coalesceQueries(execute: Execute): Execute {
  const flights = new WeakMap<PreparedOperation, InFlight<ExecutionResult>>();

  function flightsOf(prepared: PreparedOperation): InFlight<ExecutionResult> {
    const known = flights.get(prepared) ?? createInFlight<ExecutionResult>();
    flights.set(prepared, known);
    return known;
  }

  return (operation) => {
    if (!operation.written) return execute(operation);
    const { generation, document, operationName, variables, context, signal } = operation;
    const prepared = generation.prepare(document, operationName);
    if (prepared.definition.operation !== OperationTypeNode.QUERY) return execute(operation);
    const { subject, workspace, roles } = context.principal;
    const key = JSON.stringify([subject, workspace, roles, forwardedKeyOf(context), variables]);
    return flightsOf(prepared).join(key, signal, (until) => execute({ ...operation, signal: until }));
  };
}
