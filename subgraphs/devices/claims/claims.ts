import { randomBytes } from 'node:crypto';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { EventLog } from '../../../kernel/events/event-log.js';
import type { Database } from '../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { continueTrace } from '../../../kernel/telemetry/trace-context.js';
import type { Credentials } from '../credentials/credentials.js';
import { digestOf, newToken, normalizeClaimCode } from '../credentials/secrets.js';
import type { DeviceProfiles } from '../profiles/device-profiles.js';
import { findPin, isRefused } from '../profiles/find-pin.js';
import type { Units } from '../profiles/units.js';
import type { ClaimDetails, ClaimedDevice } from '../protocols/protocol.js';
import { checkDeviceInput } from '../registration.js';
import type { DevicePin, DeviceRegistry } from '../registry.js';
import { createClaimMutations, type ClaimMutations } from './claim-mutations.js';
import { createClaimRegistry, type ClaimCodeRow, type ClaimRegistry } from './registry.js';

/** Devices that register themselves, with a code that somebody has given them. */
export interface Claims extends ClaimMutations {
  readonly list: ClaimRegistry['list'];
  /**
   * Trades a code for a device and its token. Errors: FORBIDDEN for a code that is not good, or not any more;
   * BAD_USER_INPUT and CONFLICT for a name; RATE_LIMITED after too many failed attempts.
   */
  claim(code: string, details: ClaimDetails): Promise<ClaimedDevice>;
  /** Whether a code could be traded now; one that is not good is a failed attempt. Errors: RATE_LIMITED after too many. */
  isGood(code: string, details: Pick<ClaimDetails, 'address'>): Promise<boolean>;
}

export interface ClaimsDeps {
  readonly database: Database;
  readonly log: EventLog;
  readonly workspaces: readonly WorkspaceId[];
  readonly devices: Pick<DeviceRegistry, 'create'>;
  readonly credentials: Pick<Credentials, 'registry' | 'failures'>;
  readonly profiles: Pick<DeviceProfiles, 'find' | 'findNewest'>;
  readonly units: Units;
}

const LABEL = 'provisioned by claim code';
/** How often another name is drawn when one is taken. */
const MAX_NAMES = 5;
const NAME_BYTES = 4;

type UsableCode = ClaimCodeRow & { readonly workspace: WorkspaceId };

/** Ties this room together: the rows of codes, their changes, and what a device does with one. */
export function createClaims(deps: ClaimsDeps): Claims {
  const { credentials, devices, profiles } = deps;
  const registry = createClaimRegistry(deps);

  async function findCode(code: string, address: string | undefined): Promise<UsableCode | undefined> {
    credentials.failures.check(address);
    const found = await registry.findUsable(digestOf(normalizeClaimCode(code)));
    if (!found) credentials.failures.count(address);
    return found;
  }

  async function pinOf({ workspace, profile, profileVersion }: UsableCode): Promise<DevicePin> {
    const pin = await findPin(profiles, workspace, { profile, profileVersion });
    if (pin && !isRefused(pin)) return pin;
    throw new AegisError(
      'CONFLICT',
      `claim: the profile ${JSON.stringify(profile)} of the code is not there any more.`,
    );
  }

  /** Makes the device, its token and the use of the code, all of them or none; undefined when its name is taken. */
  async function provision(
    code: UsableCode,
    { name, isChosen }: { readonly name: string; readonly isChosen: boolean },
  ): Promise<ClaimedDevice | undefined> {
    const { workspace, labels } = code;
    const { traceparent } = continueTrace(undefined);
    const token = newToken();
    const device = await devices.create(
      { workspace, traceparent },
      { name, description: null, metrics: [], profile: await pinOf(code), labels },
      async (transaction, deviceId) => {
        if (isChosen && (await registry.hasRelative(transaction, name))) throw relativeName(name);
        await credentials.registry.insert(transaction, deviceId, {
          ...{ kind: 'TOKEN', label: LABEL, username: null, expiresAt: null },
          ...{ digest: digestOf(token), lastFour: token.slice(-4) },
        });
        if (!(await registry.use(transaction, { id: code.id, deviceId, traceparent }))) throw notGood();
      },
    );
    return device === 'NAME_TAKEN' ? undefined : { workspace, deviceId: device.id, name, token };
  }

  return {
    ...createClaimMutations({ registry, profiles }),
    list: registry.list,
    isGood: async (code, { address }) => (await findCode(code, address)) !== undefined,
    async claim(typed, { name, address }) {
      const code = await findCode(typed, address);
      if (!code) throw notGood();
      if (name !== undefined) {
        const [error] = checkDeviceInput({ name }, deps.units);
        if (error) throw new AegisError('BAD_USER_INPUT', `claim: name: ${error.message}`);
      }
      for (let attempt = 1; attempt <= MAX_NAMES; attempt += 1) {
        const wanted = name ?? `${code.namePrefix}-${randomBytes(NAME_BYTES).toString('hex')}`;
        const claimed = await provision(code, { name: wanted, isChosen: name !== undefined });
        if (claimed) return claimed;
        if (name !== undefined) break;
      }
      throw new AegisError(
        'CONFLICT',
        'claim: there already is a device of that name; ask for another, or for none.',
      );
    },
  };
}

function relativeName(name: string): AegisError {
  return new AegisError(
    'CONFLICT',
    `claim: expected a name that makes the device neither one behind another nor one with others behind it, got ${JSON.stringify(name)}; ask for another, or for none.`,
  );
}

function notGood(): AegisError {
  return new AegisError(
    'FORBIDDEN',
    'claim: expected a claim code that is good; this one is none, has been used, was revoked or has expired.',
  );
}
