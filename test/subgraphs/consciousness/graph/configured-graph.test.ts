import { describe, expect, it } from '@jest/globals';
import { readSettings, SettingsError } from '../../../../kernel/config/settings.js';
import { settings } from '../../../../subgraphs/consciousness/config.js';
import { createGraph } from '../../../../subgraphs/consciousness/graph/configured-graph.js';

const read = (text: string) =>
  readSettings(settings, { flags: {}, env: { AEGIS_NETWORK_GRAPH: text } }).networkGraph;

describe('the graph of a network', () => {
  it("is Metatron's cube for 13 nodes, and each with each for any other number", () => {
    expect(createGraph('auto', 13).name).toBe('metatron-cube');
    expect(createGraph('auto', 5)).toMatchObject({ name: 'complete', nodeCount: 5 });
    expect(createGraph('auto', 5).edges).toHaveLength(10);
    expect(createGraph('auto', 64).edges).toHaveLength(2_016);
  });

  it.each([2, 3, 7])('is a ring of %d nodes', (count) => {
    const { edges, layout } = createGraph(read('ring'), count);
    expect(edges).toHaveLength(count === 2 ? 1 : count);
    for (const { a, b } of edges) expect(a).toBeLessThan(b);
    expect(layout).toHaveLength(count);
  });

  it('is what is written down', () => {
    const graph = createGraph(read('{"name": "kite", "edges": [[1, 0], [1, 2, 0.5]]}'), 3);
    expect(graph).toMatchObject({
      name: 'kite',
      edges: [
        { a: 0, b: 1, weight: 1 },
        { a: 1, b: 2, weight: 0.5 },
      ],
    });
  });

  it.each([
    ['nonsense', 'AEGIS_NETWORK_GRAPH: expected auto'],
    ['{"edges": [[0, 1, -1]]}', 'AEGIS_NETWORK_GRAPH: expected auto'],
    ['{"edges": 3}', 'AEGIS_NETWORK_GRAPH: expected auto'],
  ])('is refused when it cannot be read: %s', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  it.each([
    ['metatron-cube', 12, 'has 13 nodes'],
    ['{"edges": [[0, 3]]}', 3, 'an edge names node 3'],
    ['{"edges": [[1, 1]]}', 3, 'to itself'],
    ['{"edges": [[0, 1], [1, 0]]}', 3, 'joined twice'],
    ['{"edges": [], "layout": [[0, 0]]}', 3, '1 positions for 3 nodes'],
  ])('is refused when it does not fit the nodes: %s for %d', (text, count, message) => {
    expect(() => createGraph(read(text), count)).toThrow(SettingsError);
    expect(() => createGraph(read(text), count)).toThrow(message);
  });
});
