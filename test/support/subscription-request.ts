import { OperationTypeNode } from 'graphql';
import type { SubgraphRequest } from '../../gateway/transports/transport.js';
import { subgraphOperation } from './subgraph-operation.js';
import { anyContext } from './test-gateway.js';

/** A subscription as the gateway asks a subgraph for it. */
export function subscriptionOf(
  text: string,
  {
    subject = 'test',
    signal = new AbortController().signal,
  }: { subject?: string; signal?: AbortSignal } = {},
): SubgraphRequest {
  const context = anyContext();
  return {
    operation: subgraphOperation(text, { subgraph: 'clock', kind: OperationTypeNode.SUBSCRIPTION }),
    variables: {},
    context: { ...context, principal: { ...context.principal, subject } },
    signal,
  };
}
