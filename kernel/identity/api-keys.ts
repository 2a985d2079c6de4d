import { createHash, timingSafeEqual } from 'node:crypto';
import type { Identify } from '../graphql/subgraph.js';
import {
  ANYBODY,
  DEFAULT_WORKSPACE,
  parseWorkspaceId,
  type Principal,
  type WorkspaceId,
} from './principal.js';

/** A key that opens one workspace. The key itself is not kept: its SHA-256 is enough to know it again. */
export interface ApiKey {
  readonly workspace: WorkspaceId;
  readonly digest: Buffer;
}

/** What a key is made of: the characters of a bearer token (RFC 6750, §2.1), enough of them that nobody guesses it. */
const KEY = /^(?=.{24,256}$)[A-Za-z0-9._~+/-]+=*$/;

/**
 * Reads `AEGIS_API_KEYS`: keys separated by commas, each alone or behind the workspace that it opens and a colon, such
 * as `Zx4…,garden:q9T…`. A key alone opens the default workspace.
 *
 * Errors: one with a line for every mistake, which names keys by their position and never shows them.
 */
export function parseApiKeys(text: string): readonly ApiKey[] {
  const mistakes: string[] = [];
  const keys = new Map<string, ApiKey>();
  const entries = text.split(',').map((entry) => entry.trim());
  for (const [index, entry] of entries.entries()) {
    if (entry === '') continue;
    const key = parseEntry(entry);
    const name = typeof key === 'string' ? undefined : key.digest.toString('hex');
    if (typeof key === 'string') mistakes.push(`key ${index + 1}: ${key}`);
    else if (name === undefined || keys.has(name))
      mistakes.push(`key ${index + 1}: expected each key once, got it twice.`);
    else keys.set(name, key);
  }
  if (mistakes.length > 0) throw new Error(mistakes.join('\n'));
  return [...keys.values()];
}

/** The key, or what is wrong with it. */
function parseEntry(entry: string): ApiKey | string {
  const colon = entry.indexOf(':');
  const workspace = colon < 0 ? DEFAULT_WORKSPACE : parseWorkspaceId(entry.slice(0, colon));
  const key = entry.slice(colon + 1);
  if (workspace === undefined) {
    return 'expected a workspace of lower-case letters, digits and dashes before the colon, got something else.';
  }
  if (!KEY.test(key)) {
    return `expected 24 to 256 letters, digits or ._~+/- , got ${key.length} characters. Make one with: openssl rand -base64 32`;
  }
  return { workspace, digest: digestOf(key) };
}

export interface IdentifyOptions {
  /** The workspace that everybody administers as long as there are no keys; undefined lets nobody in without one. */
  readonly openWorkspace?: WorkspaceId | undefined;
}

/** Makes the check of API keys. Which key was presented cannot be told from the time that it takes. */
export function createIdentify(keys: readonly ApiKey[], { openWorkspace }: IdentifyOptions = {}): Identify {
  if (keys.length === 0) {
    const anybody = openWorkspace === undefined ? undefined : administrator(ANYBODY, openWorkspace);
    return () => anybody;
  }
  const known = keys.map((key) => ({
    digest: key.digest,
    principal: administrator(`key-${key.digest.toString('hex').slice(0, 8)}`, key.workspace),
  }));
  return ({ token }) => {
    if (token === undefined) return undefined;
    const digest = digestOf(token);
    // All are compared, so that the place of the right one in the list does not show either.
    const matching = known.filter((key) => timingSafeEqual(key.digest, digest));
    return matching[0]?.principal;
  };
}

function administrator(subject: string, workspace: WorkspaceId): Principal {
  return { subject, workspace, roles: ['admin'] };
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
