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

/** The flags of a command, by whether they take a value. */
export interface KnownFlags {
  readonly flagsWithValue: ReadonlySet<string>;
  readonly flagsWithoutValue: ReadonlySet<string>;
}

/** Splits the command line into words and flags. A flag that takes a value takes the next word, or what follows `=`. */
export function readCommandLine(
  argv: readonly string[],
  { flagsWithValue, flagsWithoutValue }: KnownFlags,
): CommandLine {
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
  for (const [index, token] of tokens.entries()) {
    const before = tokens[index - 1];
    // What stands behind a flag that nobody knows was meant for it: one mistake, not two.
    const isStray = before?.kind === 'option' && !before.inlineValue && isUnknown(before.name);
    if (token.kind === 'positional' && !isStray) words.push(token.value);
    if (token.kind !== 'option') continue;
    flags[token.name] = token.value ?? true;
    if (token.value !== undefined) repeated[token.name] = [...(repeated[token.name] ?? []), token.value];
  }
  return { words, flags, repeated };

  function isUnknown(name: string): boolean {
    return !flagsWithValue.has(name) && !flagsWithoutValue.has(name);
  }
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
    mistakes: given,
  }: {
    env: Readonly<Record<string, string | undefined>>;
    knownVariables: ReadonlySet<string>;
    /** What was found to be wrong already. */
    mistakes: readonly string[];
  },
): SettingsOf<S> {
  const known = knownFlagsOf(table, flags);
  const mistakes = [...given, ...checkFlags(line, known)];
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

/** The flags of a command: its own, and those of its settings; `no-x` flags take no value. */
export function knownFlagsOf(table: SettingsTable, flags: readonly CommandFlag[]): KnownFlags {
  const ofSettings = Object.values(table).flatMap(({ flag }) => flag ?? []);
  const ofCommand = flags.filter(({ value }) => value !== undefined).map(({ name }) => name);
  const flagsWithValue = new Set([...ofCommand, ...ofSettings.filter((flag) => !flag.startsWith('no-'))]);
  const all = [...flags.map(({ name }) => name), ...ofSettings];
  return { flagsWithValue, flagsWithoutValue: new Set(all.filter((name) => !flagsWithValue.has(name))) };
}

function checkFlags({ flags }: CommandLine, { flagsWithValue, flagsWithoutValue }: KnownFlags): string[] {
  return Object.entries(flags).flatMap(([name, value]) => {
    if (flagsWithValue.has(name)) {
      return value === true ? [`--${name}: expected a value behind it, got nothing.`] : [];
    }
    if (!flagsWithoutValue.has(name))
      return [`--${name}: expected one of the flags of this command (see --help).`];
    return typeof value === 'string' ? [`--${name}: expected no value, got ${JSON.stringify(value)}.`] : [];
  });
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
