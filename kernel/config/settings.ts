import type { z } from 'zod';

/** One setting of a process: where it is read from, what it accepts and what it means. */
export interface Setting<T> {
  /** The environment variable, `AEGIS_…` unless a wider convention exists. */
  readonly env: string;
  /** The command-line flag without its dashes, where there is one. `no-x` flags set the setting to `false`. */
  readonly flag?: string;
  /** What it means, with its unit: the line of `--help` and of `.env.example`. */
  readonly description: string;
  /** What is accepted, in words, for the message that refuses something else. */
  readonly expects: string;
  /** Parses the text of a flag or variable; `undefined` asks it for the default. */
  readonly schema: z.ZodType<T>;
  /** True when the value must never be printed. */
  readonly secret?: boolean;
}

// `any` is the only bound that keeps each setting's own type while the table stays open.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type SettingsTable = Readonly<Record<string, Setting<any>>>;

export type SettingsOf<S extends SettingsTable> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

/** Where the values come from: flags win over the environment, which wins over defaults. */
export interface SettingSources {
  readonly flags: Readonly<Record<string, string | boolean>>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Every mistake found in the settings of a process, one line each. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(mistakes.join('\n'));
    this.mistakes = mistakes;
  }
}

/**
 * Reads a table of settings from flags, then the environment, then defaults.
 *
 * Errors: {@link SettingsError} with every mistake at once, each naming what was expected and what came.
 */
export function readSettings<S extends SettingsTable>(table: S, sources: SettingSources): SettingsOf<S> {
  const values: Record<string, unknown> = {};
  const mistakes: string[] = [];
  for (const [name, setting] of Object.entries(table)) {
    const given = findGiven(setting, sources);
    const parsed = setting.schema.safeParse(given?.value);
    if (parsed.success) values[name] = parsed.data;
    else mistakes.push(describeMistake(setting, given, parsed.error));
  }
  if (mistakes.length > 0) throw new SettingsError(mistakes);
  return values as SettingsOf<S>;
}

interface Given {
  readonly origin: string;
  readonly value: string;
}

function findGiven(setting: Setting<unknown>, sources: SettingSources): Given | undefined {
  if (setting.flag !== undefined) {
    const flag = sources.flags[setting.flag];
    if (flag !== undefined) return { origin: `--${setting.flag}`, value: flagText(setting.flag, flag) };
  }
  const variable = sources.env[setting.env];
  return variable === undefined || variable === '' ? undefined : { origin: setting.env, value: variable };
}

function flagText(flag: string, value: string | boolean): string {
  if (typeof value === 'string') return value;
  return String(flag.startsWith('no-') ? !value : value);
}

function describeMistake(setting: Setting<unknown>, given: Given | undefined, error: z.ZodError): string {
  const name = setting.flag === undefined ? setting.env : `--${setting.flag} (or ${setting.env})`;
  if (!given) return `${name}: expected ${setting.expects}, but nothing was given.`;
  // A schema that says itself what is wrong knows more than the setting does, and never quotes a secret.
  const own = error.issues.find((issue) => issue.code === 'custom' && issue.params?.['told'] === true);
  if (own) return `${given.origin}: ${own.message}`;
  const shown = setting.secret ? 'something else' : JSON.stringify(given.value);
  return `${given.origin}: expected ${setting.expects}, got ${shown}.`;
}
