import { z } from 'zod';
import { SettingsError } from '../../../kernel/config/settings.js';
import { createMetatronCube } from './metatron-cube.js';
import { layOnCircle, type Edge, type NetworkGraph } from './network-graph.js';

/** A graph as it is written down: edges as `[a, b]` or `[a, b, weight]`, where a weight left out is 1. */
export const writtenGraph = z.object({
  name: z.string().min(1).max(64).default('configured'),
  edges: z
    .array(
      z.union([
        z.tuple([z.int().min(0), z.int().min(0)]),
        z.tuple([z.int().min(0), z.int().min(0), z.number().positive().max(1_000)]),
      ]),
    )
    .max(2_016),
  /** Flat positions, one for each node; on a circle when left out. */
  layout: z.array(z.tuple([z.number(), z.number()])).optional(),
});

/** Which graph a network has: one of those that are known by name, or one that was written down. */
export type GraphChoice = 'auto' | 'metatron-cube' | 'complete' | 'ring' | z.infer<typeof writtenGraph>;

/**
 * Makes the graph of a network. `auto` is Metatron's cube for 13 nodes, and the complete graph for any other number.
 *
 * Errors: SettingsError when the graph does not fit the number of nodes.
 */
export function createGraph(choice: GraphChoice, nodeCount: number): NetworkGraph {
  if (typeof choice === 'object') return readGraph(choice, nodeCount);
  if (choice === 'metatron-cube' || (choice === 'auto' && nodeCount === 13)) {
    if (nodeCount !== 13) refuse(`metatron-cube has 13 nodes, but AEGIS_NODE_COUNT is ${nodeCount}`);
    return createMetatronCube();
  }
  if (choice === 'ring') {
    const edges = Array.from({ length: nodeCount === 2 ? 1 : nodeCount }, (_, a) =>
      orderEnds({ a, b: (a + 1) % nodeCount, weight: 1 }),
    );
    return { name: 'ring', nodeCount, edges, layout: layOnCircle(nodeCount) };
  }
  const edges = Array.from({ length: nodeCount }, (_, a) =>
    Array.from({ length: nodeCount - 1 - a }, (_none, place) => ({
      ...{ a, b: a + 1 + place },
      weight: 1 / (nodeCount - 1),
    })),
  ).flat();
  return { name: 'complete', nodeCount, edges, layout: layOnCircle(nodeCount) };
}

function readGraph({ name, edges, layout }: z.infer<typeof writtenGraph>, nodeCount: number): NetworkGraph {
  const read = edges.map(([a, b, weight = 1]) => orderEnds({ a, b, weight }));
  const seen = new Set<string>();
  for (const { a, b } of read) {
    if (a === b) refuse(`an edge joins node ${a} to itself`);
    if (b >= nodeCount) refuse(`an edge names node ${b}, but there are only 0 to ${nodeCount - 1}`);
    if (seen.has(`${a} ${b}`)) refuse(`nodes ${a} and ${b} are joined twice`);
    seen.add(`${a} ${b}`);
  }
  if (layout && layout.length !== nodeCount)
    refuse(`layout has ${layout.length} positions for ${nodeCount} nodes`);
  return {
    ...{ name, nodeCount, edges: read },
    layout: layout?.map(([x, y], index) => ({ index, x, y, x3: x, y3: -y, z3: 0 })) ?? layOnCircle(nodeCount),
  };
}

function orderEnds({ a, b, weight }: Edge): Edge {
  return a < b ? { a, b, weight } : { a: b, b: a, weight };
}

function refuse(reason: string): never {
  throw new SettingsError([
    `AEGIS_NETWORK_GRAPH: ${reason}. Expected \`auto\`, \`metatron-cube\`, \`complete\`, \`ring\`, or edges between nodes that there are.`,
  ]);
}
