import { setMaxListeners } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runHttpClient, type SoakClient } from './soak/http-clients.js';
import { sendMalformed } from './soak/malformed-requests.js';
import { sampleMemory, type MemorySample } from './soak/memory-samples.js';
import { describeSoak, isSound, type SoakFindings } from './soak/soak-report.js';
import { runEventStreamClient, runSlowReader, runWebSocketClient } from './soak/stream-clients.js';
import { pause, startSubgraphs, type SubgraphKeeper } from './soak/subgraph-keeper.js';
import { composeBoth, swapSupergraphs } from './soak/swap-supergraphs.js';
import { createTally } from './soak/tally.js';
import { startWatchedGateway, type WatchedGateway } from './soak/watched-gateway.js';
import { describeMachine, readLoad } from './support/machine.js';
import { withTemporaryFolder } from './support/temporary-folder.js';

const SUBGRAPHS = ['accounts', 'inventory', 'products', 'reviews', 'live'];
/** How many clients of each kind there are at a time. */
const CROWD: readonly (readonly [run: (client: SoakClient) => Promise<void>, count: number])[] = [
  [runHttpClient, 8],
  [runWebSocketClient, 20],
  [runEventStreamClient, 10],
  [runSlowReader, 4],
  [sendMalformed, 2],
];
/** Deadlines shorter than that of the clients, and a bound that slow readers reach. */
const SETTINGS = {
  AEGIS_OPERATION_TIMEOUT_MS: '10000',
  AEGIS_SUBGRAPH_TIMEOUT_MS: '5000',
  AEGIS_MAX_UNSENT_BYTES: '262144',
};
const MINUTE_MS = 60_000;
const SAMPLE_EVERY_MS = 10_000;
/** How long it warms up before memory is sampled, at most. */
const WARM_UP_MS = 60_000;

/**
 * Mixed load on `aegis gateway` with everything that goes wrong: subgraphs that are killed, clients that do not read or make
 * no sense, supergraphs that change. Prints what came of it, and leaves it in bench/results/soak.md and soak.json.
 *
 * @returns whether every request was answered and nothing was left unhandled.
 */
export async function runSoak(minutes: number): Promise<boolean> {
  const begunAt = new Date();
  const subgraphs = await startSubgraphs(SUBGRAPHS);
  try {
    return await withTemporaryFolder(async (folder) => {
      const file = join(folder, 'supergraph.graphql');
      const texts = composeBoth(subgraphs.urls);
      await writeFile(file, texts[0]);
      const gateway = await startWatchedGateway(file, SETTINGS);
      try {
        const findings = await soak(minutes, { gateway, subgraphs, file, texts });
        await keepFindings(findings, begunAt);
        return isSound(findings);
      } finally {
        await gateway.stop();
      }
    });
  } finally {
    await subgraphs.close();
  }
}

interface Setting {
  readonly gateway: WatchedGateway;
  readonly subgraphs: SubgraphKeeper;
  readonly file: string;
  readonly texts: readonly [string, string];
}

async function soak(minutes: number, { gateway, subgraphs, file, texts }: Setting): Promise<SoakFindings> {
  const tally = createTally();
  const samples: MemorySample[] = [];
  const swaps = new Map<string, number>();
  const onSwap = (what: string) => {
    swaps.set(what, (swaps.get(what) ?? 0) + 1);
  };
  const over = new AbortController();
  const { signal } = over;
  // As many as there are clients listen to it.
  setMaxListeners(0, signal);
  const wholeMs = minutes * MINUTE_MS;
  const client = { origin: gateway.origin, tally, signal };
  const crowd = CROWD.flatMap(([run, count]) => Array.from({ length: count }, () => run(client)));
  const work = [
    ...crowd,
    subgraphs.disturb(signal),
    swapSupergraphs(file, texts, { signal, onSwap }),
    tellProgress(minutes, { gateway, tally, signal }),
    pause(Math.min(WARM_UP_MS, wholeMs / 5), signal).then(() =>
      sampleMemory(gateway, samples, { everyMs: Math.min(SAMPLE_EVERY_MS, wholeMs / 30), signal }),
    ),
  ];
  const stopEarly = setInterval(() => {
    if (gateway.ended() !== undefined) over.abort();
  }, 1_000);
  try {
    await Promise.race([pause(wholeMs, signal), Promise.all(work)]);
  } finally {
    clearInterval(stopEarly);
    over.abort();
    await Promise.allSettled(work);
  }
  const endedEarly = gateway.ended();
  const exitCode = await gateway.stop();
  return { minutes, tally, gateway, endedEarly, exitCode, samples, kills: subgraphs.kills, swaps };
}

/** Says every minute how far it is, so that nobody has to wonder. */
async function tellProgress(
  minutes: number,
  { gateway, tally, signal }: Pick<SoakClient, 'tally' | 'signal'> & { readonly gateway: WatchedGateway },
): Promise<void> {
  for (let minute = 1; minute < minutes && !signal.aborted; minute += 1) {
    await pause(MINUTE_MS, signal);
    const complaints = [...gateway.complaints.values()].reduce((sum, count) => sum + count, 0);
    process.stdout.write(
      `  minute ${minute} of ${minutes}: ${tally.misses.length} without an answer, ${gateway.unhandled.length} unhandled, ${complaints} errors logged\n`,
    );
  }
}

async function keepFindings(findings: SoakFindings, begunAt: Date): Promise<void> {
  const report = describeSoak(findings);
  process.stdout.write(`\n${report}`);
  const folder = fileURLToPath(new URL('results', import.meta.url));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'soak.md'), report);
  const { tally, gateway, ...others } = findings;
  const figures = {
    ...{ begunAt, machine: describeMachine(), loadAfter: readLoad(), ...others },
    swaps: Object.fromEntries(findings.swaps),
    misses: tally.misses,
    outcomes: Object.fromEntries(
      [...tally.outcomes].map(([kind, counts]) => [kind, Object.fromEntries(counts)]),
    ),
    p99Ms: Object.fromEntries(tally.p99s()),
    complaints: Object.fromEntries(gateway.complaints),
    unhandled: gateway.unhandled,
  };
  await writeFile(join(folder, 'soak.json'), `${JSON.stringify(figures, undefined, 2)}\n`);
}
