import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { GatewaySettings } from '../gateway/config.js';
import {
  createHeaderRules,
  HeaderRulesInvalid,
  type HeaderRules,
} from '../gateway/transports/header-rules.js';
import { SettingsError } from '../kernel/config/settings.js';

const VARIABLE = 'AEGIS_HEADER_RULES';

interface HeaderRuleSettings extends Pick<GatewaySettings, 'headerRules'> {
  readonly handOverSecret: string | undefined;
}

/**
 * Reads the rules from the setting or the file that it names; undefined when there are none.
 *
 * Errors: SettingsError that names each entry which is wrong.
 */
export async function readHeaderRules({
  headerRules,
  handOverSecret,
}: HeaderRuleSettings): Promise<HeaderRules | undefined> {
  if (headerRules === undefined) return undefined;
  const given = await readRuleSet(headerRules);
  try {
    return createHeaderRules(given, {
      variable: (name) => process.env[name],
      // Then it says who is asking, in the gateway's own hand.
      reserved: handOverSecret === undefined ? [] : ['authorization'],
    });
  } catch (error) {
    if (error instanceof HeaderRulesInvalid)
      throw new SettingsError(error.mistakes.map((mistake) => `${VARIABLE}: ${mistake}`));
    throw error;
  }
}

async function readRuleSet(setting: string): Promise<unknown> {
  const inline = setting.trimStart().startsWith('{');
  try {
    return parse(inline ? setting : await readFile(setting, 'utf8'));
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    const expected = inline ? 'JSON' : `a readable file of JSON or YAML at ${setting}`;
    throw new SettingsError([`${VARIABLE}: expected ${expected}, but: ${reason}`]);
  }
}
