import { parseArgs } from 'node:util';
import {
  readSettings,
  SettingsError,
  type Setting,
  type SettingsOf,
  type SettingsTable,
} from '../kernel/config/settings.js';

/** A flag that belongs to one command only and is no setting. */
export interface CommandFlag {
  readonly name: string;
  /** What stands behind it in the help, such as `FILE`; undefined for a flag without a value. */
  readonly value?: string;
  readonly description: string;
}

/** The words behind `aegis`, as far as they can be told apart without knowing their meaning. */
export interface CommandLine {
  readonly words: readonly string[];
  readonly flags: Readonly<Record<string, string | boolean>>;
  /** Flags that were given several times, all their values. */
  readonly repeated: Readonly<Record<string, readonly string[]>>;
}

/** Splits the command line into words and flags. A flag that takes a value takes the next word, or what follows `=`. */
export function readCommandLine(argv: readonly string[], flagsWithValue: ReadonlySet<string>): CommandLine {
  const options = Object.fromEntries(
    [...flagsWithValue].map((name) => [name, { type: 'string', multiple: true }] as const),
  );
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    tokens: true,
    allowPositionals: true,
  });
  const words: string[] = [];
  const flags: Record<string, string | boolean> = {};
  const repeated: Record<string, string[]> = {};
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    flags[token.name] = token.value ?? true;
    if (token.value !== undefined) repeated[token.name] = [...(repeated[token.name] ?? []), token.value];
  }
  return { words, flags, repeated };
}

/**
 * Reads a command's settings from its flags, the environment and the defaults.
 *
 * @param knownVariables every variable that any process of Aegis reads: another `AEGIS_…` is taken for a misspelling.
 * Errors: SettingsError with every mistake: unknown flags and variables, superfluous words, values that do not fit.
 */
export function readCommandInput<S extends SettingsTable>(
  { table, flags, words }: { table: S; flags: readonly CommandFlag[]; words: number },
  line: CommandLine,
  {
    env,
    knownVariables,
  }: { env: Readonly<Record<string, string | undefined>>; knownVariables: ReadonlySet<string> },
): SettingsOf<S> {
  const knownFlags = new Set([...flags.map(({ name }) => name), ...flagsOf(table)]);
  const mistakes = Object.keys(line.flags)
    .filter((name) => !knownFlags.has(name))
    .map((name) => `--${name}: expected one of the flags of this command (see --help).`);
  for (const word of line.words.slice(words)) mistakes.push(`${word}: expected no more words.`);
  for (const name of Object.keys(env)) {
    if (name.startsWith('AEGIS_') && !knownVariables.has(name)) {
      mistakes.push(`${name}: expected one of the variables of .env.example.`);
    }
  }
  try {
    const settings = readSettings(table, { flags: line.flags, env });
    if (mistakes.length === 0) return settings;
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    mistakes.push(...error.mistakes);
  }
  throw new SettingsError(mistakes);
}

export function flagsOf(table: SettingsTable): string[] {
  return Object.values(table).flatMap(({ flag }) => flag ?? []);
}

/** One paragraph for each flag and variable of a command. */
export function describeSettings(table: SettingsTable): string {
  return Object.values(table)
    .map((setting) => {
      const name = setting.flag === undefined ? setting.env : `--${setting.flag}`;
      const alias = setting.flag === undefined ? '' : ` (${setting.env})`;
      return `  ${name}${alias}\n      ${setting.description}${describeInitial(setting)}`;
    })
    .join('\n');
}

function describeInitial({ schema, flag }: Setting<unknown>): string {
  const initial = schema.safeParse(undefined).data;
  const isPlain = typeof initial === 'string' || typeof initial === 'number';
  return isPlain && initial !== '' && !flag?.startsWith('no-') ? ` [${initial}]` : '';
}
