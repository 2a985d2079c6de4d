import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { SettingsError } from '../kernel/config/settings.js';
import type { TokenAlgorithm, TokenRules } from '../kernel/identity/json-web-tokens.js';
import type { TokenSettings } from './config.js';

const KeySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) });

type KeySet = NonNullable<TokenRules['keys']>;

/** What public keys are taken for when nothing is said. */
const OF_KEYS: readonly TokenAlgorithm[] = ['RS256', 'ES256', 'EdDSA'];

/**
 * Which tokens the settings let in; undefined when they let in none.
 *
 * Errors: SettingsError when the file of keys holds none, or an algorithm has nothing to be checked with.
 */
export function readTokenRules(settings: TokenSettings): TokenRules | undefined {
  const { tokenSecret: secret, tokenKeys: file, tokenAlgorithms: asked } = settings;
  const defaults = [
    ...(secret === undefined ? [] : (['HS256'] as const)),
    ...(file === undefined ? [] : OF_KEYS),
  ];
  const algorithms = asked.length > 0 ? asked : defaults;
  if (algorithms.length === 0) return undefined;
  for (const algorithm of algorithms) {
    const needed = algorithm.startsWith('HS') ? 'AEGIS_JWT_SECRET' : 'AEGIS_JWT_KEYS';
    if ((needed === 'AEGIS_JWT_SECRET' ? secret : file) === undefined)
      throw new SettingsError([`AEGIS_JWT_ALGORITHMS: expected ${needed} for ${algorithm}, got none.`]);
  }
  return {
    secret,
    keys: file === undefined ? undefined : readKeys(file),
    algorithms,
    issuer: settings.tokenIssuer,
    audience: settings.tokenAudience,
    subjectClaim: settings.tokenSubjectClaim,
    workspaceClaim: settings.tokenWorkspaceClaim,
    rolesClaim: settings.tokenRolesClaim,
    clockToleranceS: settings.tokenClockToleranceS,
  };
}

function readKeys(file: string): KeySet {
  try {
    const text = readFileSync(file, 'utf8');
    return KeySet.parse(JSON.parse(text));
  } catch (error) {
    const reason =
      error instanceof z.ZodError ? 'it is none' : error instanceof Error ? error.message : String(error);
    throw new SettingsError([
      `AEGIS_JWT_KEYS: expected a file {"keys": […]} of public keys, but: ${reason}.`,
    ]);
  }
}
