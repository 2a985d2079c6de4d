#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { SettingsError, type SettingsTable } from '../kernel/config/settings.js';
import { describeSettings, knownFlagsOf, readCommandInput, readCommandLine } from './command-line.js';
import type { Command } from './commands/command.js';
import { compose } from './commands/compose.js';
import { edge } from './commands/edge.js';
import { gateway } from './commands/gateway.js';
import { migrate } from './commands/migrate.js';
import { start } from './commands/start.js';
import { subgraph } from './commands/subgraph.js';
import { findPackageRoot } from './package-root.js';

const COMMANDS: readonly Command[] = [start, gateway, subgraph, edge, compose, migrate];

const HELP = `aegis: one federated GraphQL endpoint for everything a system is connected to

Usage: aegis COMMAND [flags]

${COMMANDS.map(({ name, words, summary }) => `  ${[name, ...words].join(' ').padEnd(16)}${summary}`).join('\n')}

\`aegis COMMAND --help\` lists a command's flags and settings. Settings come from flags, then the environment
(and a file .env in the working folder), then defaults; .env.example lists them all.
`;

async function main(argv: readonly string[]): Promise<void> {
  const [name, ...rest] = argv;
  const command = COMMANDS.find((one) => one.name === name);
  if (!command) {
    const asked = name === undefined || name === 'help' || name === '--help' || name === '-h';
    (asked ? process.stdout : process.stderr).write(
      asked ? HELP : `aegis: expected a command, got ${name}.\n\n${HELP}`,
    );
    process.exitCode = asked ? 0 : 2;
    return;
  }
  const words = rest.filter((word) => !word.startsWith('-'));
  const table = await command.settings(words);
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(describeCommand(command, table));
    return;
  }
  await run(command, table, rest);
}

async function run(command: Command, table: SettingsTable, rest: readonly string[]): Promise<void> {
  const line = readCommandLine(rest, knownFlagsOf(table, command.flags));
  const settings = readCommandInput({ table, flags: command.flags, words: command.words.length }, line, {
    env: await readEnvironment(),
    knownVariables: await listVariables(),
    mistakes: (await command.checkWords?.(line.words)) ?? [],
  });
  await command.run({ settings, words: line.words, line, root: findPackageRoot() });
}

/** The environment over what a file `.env` in the working folder says. */
async function readEnvironment(): Promise<Record<string, string | undefined>> {
  const file = await readFile(join(process.cwd(), '.env'), 'utf8').catch(() => '');
  return { ...parseEnv(file), ...process.env };
}

/** Every variable that some command reads. */
async function listVariables(): Promise<ReadonlySet<string>> {
  const tables = await Promise.all(COMMANDS.map((command) => command.settings([])));
  return new Set(tables.flatMap((table) => Object.values(table).map(({ env }) => env)));
}

function describeCommand({ name, words, summary, flags }: Command, table: SettingsTable): string {
  const own = flags.map(
    (flag) =>
      `  --${flag.name}${flag.value === undefined ? '' : ` ${flag.value}`}\n      ${flag.description}`,
  );
  const lines = [...own, describeSettings(table)].filter((text) => text !== '').join('\n');
  return `aegis ${[name, ...words].join(' ')}: ${summary}\n\n${lines}\n`;
}

// Read by graphql-js when it is loaded, which happens when a command runs: its checks for developers cost a request several
// per cent.
process.env['NODE_ENV'] ??= 'production';

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof SettingsError) {
    process.stderr.write(
      `Aegis cannot start:\n${error.mistakes.map((mistake) => `- ${mistake}`).join('\n')}\n`,
    );
    process.exit(2);
  }
  process.stderr.write(`Aegis cannot go on: ${describeEnd(error)}\n`);
  process.exit(1);
}

/** What a person can act on; for what nobody foresaw, where it happened. */
function describeEnd(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === 'EADDRINUSE' && port !== undefined) {
    return `${address ?? ''}:${port} is taken by another process (EADDRINUSE). Stop that one, or choose another port: see --help.`;
  }
  // Our own error classes carry their name as a field; those of the language and of libraries do not.
  return Object.hasOwn(error, 'name') ? error.message : (error.stack ?? error.message);
}
