import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { composeSupergraph } from '../gateway/supergraph/compose.js';
import type { FetchAndAnswerTasks } from './processes/fetch-and-answer.js';
import type { ShopSubgraphTasks } from './processes/shop-subgraphs.js';
import { SHOP_TYPE_DEFS } from './shop/shop.js';
import { SHOP_QUERY, SMALL_QUERY } from './shop/shop-query.js';
import type { Bench, BenchOptions, Row, Table } from './support/bench.js';
import { AEGIS, findPeers, type RunningGateway } from './support/gateways.js';
import { loadHttp } from './support/http-load.js';
import { measureCpu, readResidentMib } from './support/process-usage.js';
import { forkTasks, type TaskProcess } from './support/tasks.js';
import { withTemporaryFolder } from './support/temporary-folder.js';

const CONNECTIONS = 20;
/** The fetches of the heavy query's plan. */
const FETCHES = 16;

type Shop = TaskProcess<ShopSubgraphTasks>;

async function measure(
  subject: string,
  { url, pid }: Pick<RunningGateway, 'url' | 'pid'>,
  { query, shop, options }: { query: string; shop: Shop; options: BenchOptions },
): Promise<Row> {
  let stopCpu = measureCpu(pid);
  let before = 0;
  const outcome = await loadHttp({
    url,
    bodies: [JSON.stringify({ query })],
    connections: CONNECTIONS,
    windowMs: options.windowSeconds * 1_000,
    onWindow() {
      stopCpu = measureCpu(pid);
      void shop.call('count', null).then((count) => {
        before = count;
      });
    },
  });
  const cpuMs = stopCpu();
  const requests = (await shop.call('count', null)) - before;
  return {
    subject,
    figures: {
      'CPU ms/operation': cpuMs === undefined ? undefined : cpuMs / outcome.operations,
      'operations/s': outcome.operationsPerSecond,
      'p50 ms': outcome.p50,
      'p99 ms': outcome.p99,
      'fetches/operation': requests / outcome.operations,
      'resident MiB': readResidentMib(pid),
    },
  };
}

/** What plain HTTP costs: the answer's bytes from memory, after the same number of requests to a subgraph. */
async function measureFloor(
  answer: string,
  {
    upstream,
    fetches,
    shop,
    options,
  }: { upstream: string; fetches: number; shop: Shop; options: BenchOptions },
): Promise<Row> {
  const floor = forkTasks<FetchAndAnswerTasks>('fetch-and-answer.ts');
  try {
    const request = JSON.stringify({ query: '{ users { id name username } }' });
    const url = await floor.call('serve', { body: answer, upstream, path: '/accounts', request, fetches });
    const subject = `floor: the same bytes over node:http${fetches > 0 ? ` after ${fetches} undici calls` : ''}`;
    return await measure(subject, { url, pid: floor.pid }, { query: '{ __typename }', shop, options });
  } finally {
    await floor.stop();
  }
}

async function run(options: BenchOptions): Promise<readonly Table[]> {
  const shop = forkTasks<ShopSubgraphTasks>('shop-subgraphs.ts');
  try {
    return await withTemporaryFolder(async (folder) => {
      const upstream = await shop.call('serve', null);
      const supergraph = join(folder, 'supergraph.graphql');
      const contracts = Object.entries(SHOP_TYPE_DEFS).map(([name, typeDefs]) => ({
        name,
        typeDefs,
        url: `${upstream}/${name}`,
      }));
      await writeFile(supergraph, composeSupergraph(contracts));
      return await compare({ supergraph, upstream, shop, options });
    });
  } finally {
    await shop.stop();
  }
}

interface Comparison {
  readonly supergraph: string;
  readonly upstream: string;
  readonly shop: Shop;
  readonly options: BenchOptions;
}

async function compare({ supergraph, upstream, shop, options }: Comparison): Promise<readonly Table[]> {
  const heavy: Row[] = [];
  const small: Row[] = [];
  let answer = '';
  for (const contender of [AEGIS, ...findPeers()]) {
    const gateway = await contender.start(supergraph);
    try {
      const body = JSON.stringify({ query: SHOP_QUERY });
      const headers = { 'content-type': 'application/json' };
      const text = await (await fetch(gateway.url, { method: 'POST', headers, body })).text();
      answer ||= text;
      if (JSON.stringify(sortKeys(JSON.parse(text))) !== JSON.stringify(sortKeys(JSON.parse(answer)))) {
        throw new Error(`${contender.name} answers otherwise than Aegis: ${text.slice(0, 300)}`);
      }
      heavy.push(await measure(contender.name, gateway, { query: SHOP_QUERY, shop, options }));
      small.push(await measure(contender.name, gateway, { query: SMALL_QUERY, shop, options }));
    } finally {
      await gateway.close();
    }
  }
  for (const fetches of [FETCHES, 0]) {
    heavy.push(await measureFloor(answer, { upstream, fetches, shop, options }));
  }
  return [
    {
      title: `The shop’s heavy query: ${FETCHES} fetches, ${Buffer.byteLength(answer)} bytes an answer, ${CONNECTIONS} connections`,
      rows: heavy,
    },
    { title: `A small query: one subgraph and one entity hop, ${CONNECTIONS} connections`, rows: small },
  ];
}

/** The same value with the keys of its objects in order: gateways may give fields in another order. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}

export const heavyQuery: Bench = {
  question: 'What does a gateway cost for the heavy query of the public benchmark, and for a small one?',
  run,
};
