import { AegisError } from '../../../kernel/errors/aegis-error.js';

const NODE_NAME = /^(?:nod_|node_)?(?<index>0|[1-9]\d{0,3})$/;

/**
 * The index of the node that an id of the wire format names: `node_3`, the id of the graph `nod_3`, or `3`.
 *
 * Errors: NOT_FOUND when there is no such node.
 */
export function readNodeName(name: string, nodeCount: number): number {
  const index = NODE_NAME.exec(name)?.groups?.['index'];
  if (index !== undefined && Number(index) < nodeCount) return Number(index);
  throw new AegisError(
    'NOT_FOUND',
    `expected a node from node_0 to node_${nodeCount - 1}, got ${JSON.stringify(name.slice(0, 64))}.`,
  );
}
