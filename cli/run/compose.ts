import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { composeSupergraph } from '../../gateway/supergraph/compose.js';
import { SettingsError } from '../../kernel/config/settings.js';
import { loadTypeDefs } from '../../kernel/graphql/load-type-defs.js';
import type { CommandLine } from '../command-line.js';
import { listSubgraphNames } from '../subgraph-names.js';
import type { CommandRun } from '../commands/command.js';
import type { SettingsTable } from '../../kernel/config/settings.js';

/** The port of every subgraph, where no address is given: each is alone on its host. */
const PORT = 4_001;
const URL_FLAG = /^(?<name>[^=]+)=(?<url>https?:\/\/\S+)$/;

/** Writes, or checks, the supergraph of the subgraphs' contracts. */
export async function runCompose({ line, root }: CommandRun<SettingsTable>): Promise<void> {
  const names = await listSubgraphNames();
  const urls = readUrls(line, names);
  const contracts = await Promise.all(
    names.map(async (name) => ({
      name,
      url: urls.get(name) ?? `http://${name}:${PORT}/graphql`,
      typeDefs: await loadTypeDefs(join(root, 'schema'), name),
    })),
  );
  const sdl = composeSupergraph(contracts);
  const out = line.flags['out'];
  const file = typeof out === 'string' ? out : join(root, 'schema', 'supergraph.graphql');
  if (line.flags['check'] !== true) {
    await writeFile(file, sdl);
    process.stdout.write(`Wrote ${file}.\n`);
  } else if ((await readFile(file, 'utf8').catch(() => '')) !== sdl) {
    throw new Error(`${file} is not what the contracts compose to. Run: npm run compose`);
  }
}

function readUrls({ repeated }: CommandLine, names: readonly string[]): ReadonlyMap<string, string> {
  const urls = new Map<string, string>();
  const mistakes: string[] = [];
  for (const text of repeated['url'] ?? []) {
    const { name, url } = URL_FLAG.exec(text)?.groups ?? {};
    if (name !== undefined && url !== undefined && names.includes(name)) urls.set(name, url);
    else
      mistakes.push(`--url: expected NAME=URL with one of ${names.join(', ')}, got ${JSON.stringify(text)}.`);
  }
  if (mistakes.length > 0) throw new SettingsError(mistakes);
  return urls;
}
