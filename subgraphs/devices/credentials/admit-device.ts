import { LRUCache } from 'lru-cache';
import type { Identify } from '../../../kernel/graphql/subgraph.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { AdmitDevice, DeviceCredentials, DevicePrincipal } from '../protocols/protocol.js';
import type { FailedAttempts } from './failed-attempts.js';
import { digestOf, digestOfPassword, isDeviceToken, isDeviceUsername } from './secrets.js';

/** A credential as the check of a device needs it. */
export interface KnownCredential {
  readonly workspace: WorkspaceId;
  readonly id: string;
  readonly deviceId: string;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

/** The door of devices. */
export interface Admission {
  readonly admit: AdmitDevice;
  /** Asks the database again about the credentials of a device, or one of them, when they are presented next. */
  forget(workspace: WorkspaceId, deviceId: string, credentialId?: string): void;
}

export interface AdmissionDeps {
  readonly find: (digest: string) => Promise<KnownCredential | undefined>;
  /** Knows the keys of workspaces. */
  readonly identify: Identify;
  /** Counted by address. */
  readonly failures: FailedAttempts;
  /** Counted by what was presented, from wherever. */
  readonly guesses: FailedAttempts;
  /** Told of each credential that was good. */
  readonly onUse: (credential: KnownCredential) => void;
  /** Told of each attempt that was refused. */
  readonly onRefused: () => void;
  readonly now?: () => number;
}

/** The most credentials that are remembered; the one used longest ago is forgotten for one more. */
const CAPACITY = 25_000;
/** How long one is believed to be as it was, should the word of its revocation get lost, in milliseconds. */
const BELIEVED_MS = 60_000;

/**
 * Makes the check of what devices present: a token, a username with its password, a client certificate, or a key of the
 * workspace. Secrets are looked up by their digest, so that how long it takes tells nothing about them.
 *
 * What is good is always let in: those behind one address answer for no others there. What is not is told to wait once its
 * address, or what it tries to be, has failed too often.
 */
export function createAdmission(deps: AdmissionDeps): Admission {
  const { failures, guesses, now = Date.now } = deps;
  const known = new LRUCache<string, KnownCredential>({ max: CAPACITY, ttl: BELIEVED_MS });
  /** Grows with each change, so that what was read before a change is not remembered after it. */
  let changes = 0;

  async function find(digest: string): Promise<KnownCredential | undefined> {
    const remembered = known.get(digest);
    if (remembered) return remembered;
    for (;;) {
      const seen = changes;
      const found = await deps.find(digest);
      if (seen !== changes) continue;
      if (found) known.set(digest, found);
      return found;
    }
  }

  function isGood({ revokedAt, expiresAt }: KnownCredential): boolean {
    return revokedAt === null && (expiresAt === null || expiresAt.getTime() > now());
  }

  function toPrincipal(credential: KnownCredential): DevicePrincipal {
    deps.onUse(credential);
    const { workspace, deviceId, id } = credential;
    return { workspace, deviceId, credentialId: id };
  }

  async function check(presented: DeviceCredentials): Promise<DevicePrincipal | undefined> {
    const secret = digestOfSecret(presented);
    const digest = secret ?? presented.certificateFingerprint;
    const found = digest === undefined ? undefined : await find(digest);
    if (found) return isGood(found) ? toPrincipal(found) : undefined;
    if (secret !== undefined) return undefined;
    const token = presented.password ?? presented.token;
    const principal = deps.identify({ token });
    return principal && { workspace: principal.workspace, deviceId: undefined, credentialId: undefined };
  }

  /** Errors: RATE_LIMITED. */
  function countFailure(presented: DeviceCredentials): void {
    if (!isAnythingPresented(presented)) return;
    const { address, username, password, token, certificateFingerprint } = presented;
    const secret = password ?? token;
    const tried = username ?? certificateFingerprint ?? (secret === undefined ? undefined : digestOf(secret));
    failures.check(address);
    guesses.check(tried);
    failures.count(address);
    guesses.count(tried);
  }

  return {
    async admit(presented) {
      const principal = await check(presented);
      if (principal) return principal;
      deps.onRefused();
      countFailure(presented);
      return undefined;
    },
    forget(workspace, deviceId, credentialId) {
      changes += 1;
      for (const [digest, credential] of known.entries()) {
        if (credential.workspace !== workspace || credential.deviceId !== deviceId) continue;
        if (credentialId === undefined || credential.id === credentialId) known.delete(digest);
      }
    },
  };
}

/** The digest of a secret that only a device can have; undefined when it presents none. */
function digestOfSecret({ token, username, password }: DeviceCredentials): string | undefined {
  if (isDeviceUsername(username)) return digestOfPassword(username, password ?? '');
  const secret = [password, token].find(isDeviceToken);
  return secret === undefined ? undefined : digestOf(secret);
}

function isAnythingPresented({
  token,
  username,
  password,
  certificateFingerprint,
}: DeviceCredentials): boolean {
  return [token, username, password, certificateFingerprint].some((one) => one !== undefined);
}
