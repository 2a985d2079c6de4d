import { OperationTypeNode, parse } from 'graphql';
import type { SubgraphOperation } from '../../gateway/transports/transport.js';

/** An operation for a subgraph as a plan has it; an unnamed query of `shop` unless said otherwise. */
export function subgraphOperation(text: string, more: Partial<SubgraphOperation> = {}): SubgraphOperation {
  return {
    subgraph: 'shop',
    kind: OperationTypeNode.QUERY,
    name: undefined,
    text,
    unnamedText: text,
    document: parse(text),
    ...more,
  };
}
