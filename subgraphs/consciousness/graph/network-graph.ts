/** Two nodes that are joined, the smaller index first. */
export interface Edge {
  readonly a: number;
  readonly b: number;
  /** Above 0. */
  readonly weight: number;
}

/** Where a node is drawn: flat, and in space. All −1 to 1, from the middle; y of the flat drawing downwards. */
export interface Position {
  readonly index: number;
  readonly x: number;
  readonly y: number;
  readonly x3: number;
  readonly y3: number;
  readonly z3: number;
}

/** The nodes of a network and what joins them. */
export interface NetworkGraph {
  readonly name: string;
  readonly nodeCount: number;
  readonly edges: readonly Edge[];
  /** One for each node, by index. */
  readonly layout: readonly Position[];
}

/** The neighbours of each node, by index, with the weights of the edges to them. */
export function listNeighbours({
  nodeCount,
  edges,
}: Pick<NetworkGraph, 'nodeCount' | 'edges'>): readonly (readonly {
  readonly index: number;
  readonly weight: number;
}[])[] {
  const neighbours = Array.from({ length: nodeCount }, (): { index: number; weight: number }[] => []);
  for (const { a, b, weight } of edges) {
    neighbours[a]?.push({ index: b, weight });
    neighbours[b]?.push({ index: a, weight });
  }
  return neighbours;
}

/** Nodes on a circle, the first one at the top: a layout for graphs that bring none. */
export function layOnCircle(nodeCount: number): readonly Position[] {
  return Array.from({ length: nodeCount }, (_, index) => {
    const angle = (2 * Math.PI * index) / nodeCount - Math.PI / 2;
    const [x, y] = [Math.cos(angle), Math.sin(angle)];
    return { index, x, y, x3: x, y3: -y, z3: 0 };
  });
}
