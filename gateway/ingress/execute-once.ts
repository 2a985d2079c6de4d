import type { ExecutionResult } from 'graphql';
import { interruptible } from '../../kernel/streams/interruptible.js';
import type { Gateway } from '../gateway.js';
import type { GatewayOperation } from '../gateway-operation.js';

/**
 * Executes a query or a mutation of a graphql-ws client: its only result, as a stream of one. graphql-ws ends a stream when
 * the client completes it, and that cancels the operation, as the operation's own signal does.
 *
 * Source: graphql-ws PROTOCOL.md, "Complete": the client tells that it is no longer interested.
 */
export function executeOnce(
  operation: GatewayOperation,
  gateway: Pick<Gateway, 'execute'>,
): AsyncIterableIterator<ExecutionResult> {
  const left = new AbortController();
  const { signal } = operation;
  const onClosed = () => {
    left.abort();
  };
  signal.addEventListener('abort', onClosed, { once: true });
  if (signal.aborted) onClosed();
  const executing = gateway.execute({ ...operation, signal: left.signal }).finally(() => {
    signal.removeEventListener('abort', onClosed);
  });
  let told = false;
  return interruptible<ExecutionResult>({
    async next() {
      if (told) return { value: undefined, done: true };
      told = true;
      return { value: await executing, done: false };
    },
    return() {
      left.abort();
      return Promise.resolve({ value: undefined, done: true });
    },
  });
}
