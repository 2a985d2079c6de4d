import type { Edge, NetworkGraph, Position } from './network-graph.js';

/** The golden ratio, (1 + √5) / 2. */
export const GOLDEN_RATIO = (1 + Math.sqrt(5)) / 2;

/** Between the centre and every other node. */
const SPOKE_WEIGHT = 1 / GOLDEN_RATIO;

/** Along an edge of the icosahedron. */
const EDGE_WEIGHT = 1 / GOLDEN_RATIO ** 2;

interface Point {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/**
 * Metatron's cube as a network of 13: node 0 in the middle, joined to all others with weight 1/φ; nodes 1 to 12 at the vertices
 * of an icosahedron, joined along its 30 edges, five a vertex, with weight 1/φ².
 *
 * The flat drawing looks along a threefold axis of the icosahedron: its vertices then lie on two hexagons around the middle,
 * their corners on the same six rays, as the circles of Metatron's cube do. Nodes 1 to 6 are the inner hexagon and 7 to 12 the
 * outer one, each from the top on, clockwise.
 *
 * Source: Coxeter, Regular Polytopes (3rd ed. 1973), §3.7, for the vertices (0, ±1, ±φ) and their cyclic turns, with edges of 2.
 */
export function createMetatronCube(): NetworkGraph {
  const vertices = sortAsDrawn(listVertices().map(turnToDrawing));
  const radius = Math.max(...vertices.map(({ x, y }) => Math.hypot(x, y)));
  const reach = Math.max(...vertices.map(({ x, y, z }) => Math.hypot(x, y, z)));
  const layout = vertices.map(({ x, y, z }, place): Position => ({
    index: place + 1,
    ...{ x: x / radius, y: -y / radius },
    ...{ x3: x / reach, y3: y / reach, z3: z / reach },
  }));
  return {
    name: 'metatron-cube',
    nodeCount: 13,
    edges: [
      ...vertices.map((_, place): Edge => ({ a: 0, b: place + 1, weight: SPOKE_WEIGHT })),
      ...listEdges(vertices),
    ],
    layout: [{ index: 0, x: 0, y: 0, x3: 0, y3: 0, z3: 0 }, ...layout],
  };
}

function listVertices(): Point[] {
  const signs = [-1, 1];
  return signs.flatMap((one) =>
    signs.flatMap((golden) => {
      const [a, b] = [one, golden * GOLDEN_RATIO];
      return [
        { x: 0, y: a, z: b },
        { x: a, y: b, z: 0 },
        { x: b, y: 0, z: a },
      ];
    }),
  );
}

/** Turns the threefold axis (1, 1, 1) towards the onlooker, and a vertex of the outer hexagon to the top. */
function turnToDrawing(vertex: Point): Point {
  const { x, y, z } = alongAxis(vertex);
  const top = alongAxis({ x: 0, y: -1, z: GOLDEN_RATIO });
  const reach = Math.hypot(top.x, top.y);
  const [sine, cosine] = [top.x / reach, top.y / reach];
  return { x: cosine * x - sine * y, y: sine * x + cosine * y, z };
}

function alongAxis({ x, y, z }: Point): Point {
  return {
    x: (x - y) / Math.SQRT2,
    y: (2 * z - x - y) / Math.sqrt(6),
    z: (x + y + z) / Math.sqrt(3),
  };
}

/** The inner hexagon first, each from the top on, clockwise. */
function sortAsDrawn(points: readonly Point[]): Point[] {
  const radii = points.map(({ x, y }) => Math.hypot(x, y));
  const border = (Math.min(...radii) + Math.max(...radii)) / 2;
  const key = ({ x, y }: Point) => {
    const turned = (Math.atan2(x, y) + 2 * Math.PI + 1e-9) % (2 * Math.PI);
    return (Math.hypot(x, y) > border ? 10 : 0) + turned;
  };
  return points.toSorted((a, b) => key(a) - key(b));
}

function listEdges(vertices: readonly Point[]): Edge[] {
  return vertices.flatMap((one, i) =>
    vertices.slice(i + 1).flatMap((other, place) => {
      const distance = Math.hypot(one.x - other.x, one.y - other.y, one.z - other.z);
      return distance < 2.1 ? [{ a: i + 1, b: i + 2 + place, weight: EDGE_WEIGHT }] : [];
    }),
  );
}
