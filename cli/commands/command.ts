import type { SettingsOf, SettingsTable } from '../../kernel/config/settings.js';
import type { CommandFlag, CommandLine } from '../command-line.js';

/** What a command is given when it runs. */
export interface CommandRun<S extends SettingsTable> {
  readonly settings: SettingsOf<S>;
  /** The words behind the command's own name. */
  readonly words: readonly string[];
  readonly line: CommandLine;
  /** The folder of Aegis's package.json. */
  readonly root: string;
}

/** One command of `aegis`. */
export interface Command<S extends SettingsTable = SettingsTable> {
  readonly name: string;
  /** What it does, in one line. */
  readonly summary: string;
  /** The names of the words that it takes, such as `NAME`. */
  readonly words: readonly string[];
  /** Its flags that are no settings. */
  readonly flags: readonly CommandFlag[];
  settings(words: readonly string[]): Promise<S>;
  /** What is wrong with the words, one line each. */
  checkWords?(words: readonly string[]): Promise<readonly string[]>;
  /** Loads what the command needs, and runs it. */
  run(run: CommandRun<S>): Promise<void>;
}

/** Lets a command be written with its own settings' types and stand in a list with the others. */
export function defineCommand<S extends SettingsTable>(command: Command<S>): Command {
  return command;
}
