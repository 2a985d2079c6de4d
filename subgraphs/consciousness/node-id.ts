const NODE_ID = /^nod_(?<index>0|[1-9]\d{0,8})$/;

/** The id of the node at an index, such as `nod_3`. */
export function toNodeId(index: number): string {
  return `nod_${index}`;
}

/** The index that an id names; undefined when it is no id of a node. */
export function readNodeId(id: string): number | undefined {
  const index = NODE_ID.exec(id)?.groups?.['index'];
  return index === undefined ? undefined : Number(index);
}
