import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { composeSupergraph } from '../gateway/supergraph/compose.js';
import type { ApolloServerTasks } from './processes/apollo-server.js';
import type { FetchAndAnswerTasks } from './processes/fetch-and-answer.js';
import type { ShopSubgraphTasks } from './processes/shop-subgraphs.js';
import { SHOP_TYPE_DEFS } from './shop/shop.js';
import { SHOP_QUERY, SMALL_QUERY } from './shop/shop-query.js';
import type { Bench, BenchOptions, Row, Table } from './support/bench.js';
import { AEGIS, findPeers, findVariants, type Contender } from './support/gateways.js';
import { askOnce, isSameJson, loadHttp } from './support/http-load.js';
import { medianRow, withRatio } from './support/median-rows.js';
import { measureCpu, readResidentMib } from './support/process-usage.js';
import { forkTasks, type TaskProcess } from './support/tasks.js';
import { withTemporaryFolder } from './support/temporary-folder.js';

const CONNECTIONS = 20;
/** The fetches of the heavy query's plan. */
const FETCHES = 16;
const CPU = 'CPU ms/operation';
const APOLLO_SERVER = 'Apollo Server 5, the same data in a schema of its own';

type Shop = TaskProcess<ShopSubgraphTasks>;

/** A process that answers, for as long as the comparison lasts. */
interface Subject {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
  /** What it is asked; undefined where it is not asked. */
  readonly heavy: string | undefined;
  readonly small: string | undefined;
  close(): Promise<void>;
}

interface Conditions {
  readonly shop: Shop;
  readonly windowMs: number;
}

async function measure(
  { url, pid }: Subject,
  query: string,
  { shop, windowMs }: Conditions,
): Promise<Row['figures']> {
  let stopCpu = measureCpu(pid);
  let before = Promise.resolve(0);
  const outcome = await loadHttp({
    url,
    bodies: [JSON.stringify({ query })],
    connections: CONNECTIONS,
    windowMs,
    onWindow() {
      stopCpu = measureCpu(pid);
      before = shop.call('count', null);
    },
  });
  const cpuMs = stopCpu();
  const requests = (await shop.call('count', null)) - (await before);
  return {
    [CPU]: cpuMs === undefined ? undefined : cpuMs / outcome.operations,
    'operations/s': outcome.operationsPerSecond,
    'p50 ms': outcome.p50,
    'p99 ms': outcome.p99,
    'fetches/operation': requests / outcome.operations,
    'resident MiB': readResidentMib(pid),
  };
}

/** What plain HTTP costs: the answer's bytes from memory, after the same number of requests to a subgraph. */
async function openFloor(answer: string, upstream: string, fetches: number): Promise<Subject> {
  const floor = forkTasks<FetchAndAnswerTasks>('fetch-and-answer.ts');
  const request = JSON.stringify({ query: '{ users { id name username } }' });
  const url = await floor.call('serve', { body: answer, upstream, path: '/accounts', request, fetches });
  const name = `floor: the same bytes over node:http${fetches > 0 ? ` after ${fetches} undici calls` : ''}`;
  return { name, url, pid: floor.pid, heavy: '{ __typename }', small: undefined, close: () => floor.stop() };
}

async function openApolloServer(): Promise<Subject> {
  const server = forkTasks<ApolloServerTasks>('apollo-server.ts', { NODE_ENV: 'production' });
  const url = await server.call('serve', null);
  const close = () => server.stop();
  return { name: APOLLO_SERVER, url, pid: server.pid, heavy: undefined, small: SMALL_QUERY, close };
}

async function openGateway(contender: Contender, supergraph: string): Promise<Subject> {
  const { name } = contender;
  const { url, pid, close } = await contender.start(supergraph);
  return { name, url, pid, heavy: SHOP_QUERY, small: SMALL_QUERY, close };
}

/** Opens all that is compared, ours first; a peer that does not start, or answers otherwise than Aegis, is left out. */
async function openSubjects(
  { supergraph, upstream }: { readonly supergraph: string; readonly upstream: string },
  { subjects, notes }: { readonly subjects: Subject[]; readonly notes: string[] },
): Promise<void> {
  const aegis = await openGateway(AEGIS, supergraph);
  subjects.push(aegis);
  const answers: Answers = {
    heavy: await askOnce(aegis.url, SHOP_QUERY),
    small: await askOnce(aegis.url, SMALL_QUERY),
  };
  const openOthers = [...findVariants(), ...findPeers()].map(
    (contender) => () => openGateway(contender, supergraph),
  );
  for (const open of [...openOthers, openApolloServer]) {
    try {
      subjects.push(await openEqual(open, answers));
    } catch (error) {
      notes.push(error instanceof Error ? error.message : String(error));
    }
  }
  for (const fetches of [FETCHES, 0]) subjects.push(await openFloor(answers.heavy, upstream, fetches));
  notes.push(
    `the heavy query’s answer has ${Buffer.byteLength(answers.heavy)} bytes, the small one’s ${Buffer.byteLength(answers.small)}`,
  );
}

interface Answers {
  readonly heavy: string;
  readonly small: string;
}

async function openEqual(open: () => Promise<Subject>, answers: Answers): Promise<Subject> {
  const subject = await open();
  try {
    await expectAnswers(subject, answers);
    return subject;
  } catch (error) {
    await subject.close();
    throw error;
  }
}

async function expectAnswers({ name, url, heavy, small }: Subject, answers: Answers): Promise<void> {
  for (const [query, expected] of [[heavy, answers.heavy] as const, [small, answers.small] as const]) {
    if (query === undefined) continue;
    const got = await askOnce(url, query);
    if (!isSameJson(got, expected))
      throw new Error(`${name} answers otherwise than Aegis: ${got.slice(0, 300)}`);
  }
}

/** Takes the subjects in turn, round after round; the first round is not counted, so that all have been compiled. */
async function compare(
  subjects: readonly Subject[],
  which: 'heavy' | 'small',
  { shop, options }: { readonly shop: Shop; readonly options: BenchOptions },
): Promise<Row[]> {
  const asked = subjects.filter((subject) => subject[which] !== undefined);
  const rounds = new Map<string, Row['figures'][]>(asked.map(({ name }) => [name, []]));
  const windowMs = (options.windowSeconds * 1_000) / 2;
  for (let round = 0; round <= options.rounds; round += 1) {
    for (const subject of asked) {
      const figures = await measure(subject, subject[which] ?? '', { shop, windowMs });
      if (round > 0) rounds.get(subject.name)?.push(figures);
    }
  }
  return asked.map(({ name }) => medianRow(name, rounds.get(name) ?? []));
}

async function run(options: BenchOptions): Promise<readonly Table[]> {
  const shop = forkTasks<ShopSubgraphTasks>('shop-subgraphs.ts');
  const subjects: Subject[] = [];
  const notes: string[] = [];
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
      try {
        await openSubjects({ supergraph, upstream }, { subjects, notes });
        const heavy = await compare(subjects, 'heavy', { shop, options });
        const small = await compare(subjects, 'small', { shop, options });
        return toTables(heavy, small, [...notes, ...describe(options)]);
      } finally {
        await Promise.all(subjects.map((subject) => subject.close()));
      }
    });
  } finally {
    await shop.stop();
  }
}

function toTables(heavy: readonly Row[], small: readonly Row[], notes: readonly string[]): readonly Table[] {
  const peers = heavy.filter(({ subject }) => /^(?:Apollo|Hive)/.test(subject));
  const best = Math.min(...peers.map(({ figures }) => figures[CPU] ?? Number.POSITIVE_INFINITY));
  const server = small.find(({ subject }) => subject === APOLLO_SERVER)?.figures[CPU];
  return [
    {
      title: `The shop’s heavy query: ${FETCHES} fetches, ${CONNECTIONS} connections`,
      rows: withRatio(heavy, {
        figure: CPU,
        of: Number.isFinite(best) ? best : undefined,
        name: '× best peer',
      }),
      notes,
    },
    {
      title: `A small query: one subgraph and one entity hop, ${CONNECTIONS} connections`,
      rows: withRatio(small, { figure: CPU, of: server, name: '× Apollo Server' }),
      notes,
    },
  ];
}

function describe({ rounds, windowSeconds }: BenchOptions): readonly string[] {
  return [
    `all processes run from the beginning to the end and are asked in turn: one round uncounted, then the median of ${rounds} rounds of ${windowSeconds / 2} s`,
  ];
}

export const heavyQuery: Bench = {
  question: 'What does a gateway cost for the heavy query of the public benchmark, and for a small one?',
  run,
};
