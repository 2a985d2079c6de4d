import { OperationTypeNode, type ExecutionResult } from 'graphql';
import type { ResponseAge } from './caching/response-cache.js';
import type { PreparedOperation } from './execution/prepared-operation.js';
import type { GatewayOperation } from './gateway-operation.js';
import { forwardedKeyOf } from './transports/forwarded-key.js';
import { createInFlight, type InFlight } from './transports/in-flight.js';

/** Executes an operation, perhaps together with others. */
export type Coalesce = (
  prepared: PreparedOperation,
  operation: GatewayOperation,
  execute: (operation: GatewayOperation) => Promise<ExecutionResult>,
) => Promise<ExecutionResult>;

interface SharedOutcome {
  readonly result: ExecutionResult;
  readonly age: ResponseAge | undefined;
}

/**
 * Makes what executes queries once that are equal and under way at one time: the same operation of the same generation,
 * with the same variables, for the same identity and forwarded headers. A client that leaves ends its wait, and the
 * execution when nobody else waits for it.
 *
 * Only results that are written are shared, for these nobody changes. What subgraphs are told of traces is the first
 * client's.
 *
 * @param epoch another one after something by which what was executed before is no answer any more.
 */
export function createCoalescing(epoch: () => number = () => 0): Coalesce {
  const flights = new WeakMap<PreparedOperation, InFlight<SharedOutcome>>();
  /** How many have ended: a query that comes after one must see what it has done. */
  let mutations = 0;

  function flightsOf(prepared: PreparedOperation): InFlight<SharedOutcome> {
    const known = flights.get(prepared) ?? createInFlight<SharedOutcome>();
    flights.set(prepared, known);
    return known;
  }

  return async (prepared, operation, execute) => {
    const { operation: kind } = prepared.definition;
    if (kind === OperationTypeNode.MUTATION) {
      return execute(operation).finally(() => {
        mutations += 1;
      });
    }
    if (!operation.written || kind !== OperationTypeNode.QUERY) return execute(operation);
    const { variables, context, signal } = operation;
    const { subject, workspace, roles } = context.principal;
    const key = JSON.stringify([
      epoch(),
      mutations,
      subject,
      workspace,
      roles,
      forwardedKeyOf(context),
      variables,
    ]);
    const { result, age } = await flightsOf(prepared).join(key, signal, (until) =>
      executeOnce({ ...operation, signal: until }, execute),
    );
    if (age) operation.onAge?.(age);
    return result;
  };
}

async function executeOnce(
  operation: GatewayOperation,
  execute: (operation: GatewayOperation) => Promise<ExecutionResult>,
): Promise<SharedOutcome> {
  let age: ResponseAge | undefined;
  const onAge = (told: ResponseAge) => {
    age = told;
  };
  const result = await execute({ ...operation, onAge });
  return { result, age };
}
