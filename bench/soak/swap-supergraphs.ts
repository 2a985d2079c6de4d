import { rename, writeFile } from 'node:fs/promises';
import { parse } from 'graphql';
import { composeSupergraph } from '../../gateway/supergraph/compose.js';
import { SHOP_TYPE_DEFS } from '../shop/shop.js';
import { describeLive } from './live-graph.js';
import { between, pause } from './subgraph-keeper.js';

const CALM_MS = { least: 20_000, most: 60_000 };
/** One swap of so many is a file that holds no supergraph. */
const BROKEN_SHARE = 0.2;

/** The two supergraphs that are taken in turn. */
export function composeBoth(urls: ReadonlyMap<string, string>): readonly [string, string] {
  const compose = (withMood: boolean) => {
    const shop = Object.entries(SHOP_TYPE_DEFS).map(([name, typeDefs]) => ({ name, typeDefs }));
    const all = [...shop, { name: 'live', typeDefs: parse(describeLive(withMood)) }];
    return composeSupergraph(all.map((contract) => ({ ...contract, url: urls.get(contract.name) ?? '' })));
  };
  return [compose(false), compose(true)];
}

/** Writes the file anew now and then, until the signal. @param onSwap told of each. */
export async function swapSupergraphs(
  file: string,
  texts: readonly [string, string],
  { signal, onSwap }: { readonly signal: AbortSignal; readonly onSwap: (what: string) => void },
): Promise<void> {
  let current = 0;
  while (!signal.aborted) {
    if (!(await pause(between(CALM_MS), signal))) return;
    const broken = Math.random() < BROKEN_SHARE;
    if (!broken) current = 1 - current;
    await writeFile(`${file}.new`, broken ? 'type Query {' : (texts[current] ?? ''));
    await rename(`${file}.new`, file);
    onSwap(broken ? 'a file without a supergraph' : 'another supergraph');
  }
}
