import { describe, expect, it } from '@jest/globals';
import { createMetatronCube, GOLDEN_RATIO } from '../../../../subgraphs/consciousness/graph/metatron-cube.js';
import { listNeighbours } from '../../../../subgraphs/consciousness/graph/network-graph.js';

const cube = createMetatronCube();
const spokes = cube.edges.filter(({ a }) => a === 0);
const sides = cube.edges.filter(({ a }) => a !== 0);

/** Steps from one node of the icosahedron to another, without the centre. */
function distance(from: number, to: number): number {
  const neighbours = listNeighbours({ nodeCount: 13, edges: sides });
  let reached = new Set([from]);
  for (let steps = 0; steps < 13; steps += 1) {
    if (reached.has(to)) return steps;
    reached = new Set(
      [...reached].flatMap((node) => [node, ...(neighbours[node] ?? []).map(({ index }) => index)]),
    );
  }
  return Infinity;
}

describe("Metatron's cube", () => {
  it('has 13 nodes, of which 0 is joined to all others with weight 1/φ', () => {
    expect(cube.nodeCount).toBe(13);
    expect(spokes.map(({ b }) => b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    for (const { weight } of spokes) expect(weight).toBeCloseTo(0.6180339887498949, 15);
    expect(GOLDEN_RATIO ** 2).toBeCloseTo(GOLDEN_RATIO + 1, 12);
  });

  it('joins the others along the 30 edges of an icosahedron, five a vertex, with weight 1/φ²', () => {
    expect(sides).toHaveLength(30);
    for (const { a, b, weight } of sides) {
      expect(a).toBeLessThan(b);
      expect(weight).toBeCloseTo(0.3819660112501051, 15);
    }
    for (let node = 1; node <= 12; node += 1) {
      expect(sides.filter(({ a, b }) => a === node || b === node)).toHaveLength(5);
    }
  });

  it('is an icosahedron and no other graph of that kind: each vertex has one opposite, three edges away', () => {
    for (let node = 1; node <= 12; node += 1) {
      const distances = Array.from({ length: 12 }, (_, place) => distance(node, place + 1));
      expect([0, 1, 2, 3].map((steps) => distances.filter((one) => one === steps).length)).toEqual([
        1, 5, 5, 1,
      ]);
    }
    // 20 faces: triangles among the edges.
    const joined = new Set(sides.map(({ a, b }) => `${a} ${b}`));
    const triangles = sides.flatMap(({ a, b }) =>
      Array.from({ length: 12 - b }, (_, place) => b + 1 + place).filter(
        (c) => joined.has(`${a} ${c}`) && joined.has(`${b} ${c}`),
      ),
    );
    expect(triangles).toHaveLength(20);
  });

  it('is drawn as two hexagons on six rays around the centre', () => {
    expect(cube.layout[0]).toMatchObject({ index: 0, x: 0, y: 0 });
    for (let ray = 0; ray < 6; ray += 1) {
      const [inner, outer] = [cube.layout[1 + ray], cube.layout[7 + ray]];
      const angle = (2 * Math.PI * ray) / 6;
      expect(outer?.x).toBeCloseTo(Math.sin(angle), 10);
      expect(outer?.y).toBeCloseTo(-Math.cos(angle), 10);
      expect((outer?.x ?? NaN) * (inner?.y ?? NaN)).toBeCloseTo((outer?.y ?? NaN) * (inner?.x ?? NaN), 10);
    }
  });

  it('lies in space with all vertices at one distance from the centre and from their neighbours', () => {
    const at = (index: number) => cube.layout[index] ?? { x3: NaN, y3: NaN, z3: NaN };
    for (let node = 1; node <= 12; node += 1) {
      const { x3, y3, z3 } = at(node);
      expect(Math.hypot(x3, y3, z3)).toBeCloseTo(1, 10);
    }
    for (const { a, b } of sides) {
      const [p, q] = [at(a), at(b)];
      // The edge of an icosahedron in a sphere of radius 1.
      expect(Math.hypot(p.x3 - q.x3, p.y3 - q.y3, p.z3 - q.z3)).toBeCloseTo(1.0514622242382672, 10);
    }
  });
});
