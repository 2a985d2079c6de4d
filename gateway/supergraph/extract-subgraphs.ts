import { readSupergraph } from './read-supergraph.js';
import type { SubgraphText } from './compose.js';

/** The subgraphs that a supergraph was composed of, as far as it says. Errors: SupergraphInvalid. */
export function extractSubgraphs(sdl: string): readonly SubgraphText[] {
  const { supergraph } = readSupergraph(sdl);
  return [...supergraph.subgraphs()].map((subgraph) => ({
    name: subgraph.name,
    url: subgraph.url,
    sdl: subgraph.toString(),
  }));
}
