import type { RequestContext } from '../../../kernel/graphql/subgraph.js';
import { digestOf, newClaimCode, normalizeClaimCode } from '../credentials/secrets.js';
import { checkLabels, toLabels } from '../fleet/labels.js';
import type { CreateClaimCodesInput, RevokeClaimCodeInput, UserError } from '../generated/schema-types.js';
import type { DeviceProfiles } from '../profiles/device-profiles.js';
import { findPin, isRefused } from '../profiles/find-pin.js';
import type { CreateClaimCodesPayloadModel, RevokeClaimCodePayloadModel } from './models.js';
import type { ClaimRegistry } from './registry.js';
import { toOrigin } from '../to-origin.js';

/** The changes of claim codes, each checked first. */
export interface ClaimMutations {
  create(input: CreateClaimCodesInput, request: RequestContext): Promise<CreateClaimCodesPayloadModel>;
  revoke(input: RevokeClaimCodeInput, request: RequestContext): Promise<RevokeClaimCodePayloadModel>;
}

export interface ClaimMutationsDeps {
  readonly registry: ClaimRegistry;
  readonly profiles: Pick<DeviceProfiles, 'find' | 'findNewest'>;
  readonly now?: () => number;
}

const DAY_MS = 86_400_000;
const DEFAULT_LIFE_MS = 30 * DAY_MS;
const MAX_LIFE_MS = 366 * DAY_MS;
const MAX_COUNT = 1_000;
const MAX_USES = 100_000;
/** The name of a device, with room for what is put behind it. */
const NAME_PREFIX = /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/;
const MAX_PREFIX = 40;

/** Makes the changes of claim codes. */
export function createClaimMutations({
  registry,
  profiles,
  now = Date.now,
}: ClaimMutationsDeps): ClaimMutations {
  return {
    async create(input, request) {
      const { workspace } = request.principal;
      const { profile, profileVersion, count = 1, maxUses = 1, labels } = input;
      const errors = checkInput(input, now());
      const pin = await findPin(profiles, workspace, { profile, profileVersion });
      if (isRefused(pin)) errors.push(...pin.refused);
      if (errors.length > 0) return { claimCodes: [], codes: [], userErrors: errors };
      const codes = Array.from({ length: count }, newClaimCode);
      const claimCodes = await registry.create(toOrigin(request), {
        ...{ profile, profileVersion: profileVersion ?? null, maxUses },
        labels: toLabels(labels ?? []),
        namePrefix: input.namePrefix ?? profile.slice(0, MAX_PREFIX),
        expiresAt: input.expiresAt ?? new Date(now() + DEFAULT_LIFE_MS),
        codes: codes.map((code) => ({
          digest: digestOf(normalizeClaimCode(code)),
          lastFour: code.slice(-4),
        })),
      });
      return { claimCodes, codes, userErrors: [] };
    },
    async revoke({ id }, request) {
      const revoked = await registry.revoke(toOrigin(request), id);
      if (revoked !== 'NOT_FOUND') return { claimCode: revoked, userErrors: [] };
      const message = `There is no claim code ${JSON.stringify(id.slice(0, 64))}.`;
      return { claimCode: null, userErrors: [{ code: 'NOT_FOUND', message, path: ['id'] }] };
    },
  };
}

function checkInput(
  { count = 1, maxUses = 1, expiresAt, labels, namePrefix }: CreateClaimCodesInput,
  nowMs: number,
): UserError[] {
  const errors = labels ? checkLabels(labels, ['labels']) : [];
  for (const [field, value, most] of [
    ['count', count, MAX_COUNT] as const,
    ['maxUses', maxUses, MAX_USES] as const,
  ]) {
    if (value < 1 || value > most) errors.push(refuse(field, `Expected 1 to ${most}, got ${value}.`));
  }
  const lifeMs = expiresAt ? expiresAt.getTime() - nowMs : DEFAULT_LIFE_MS;
  if (lifeMs <= 0 || lifeMs > MAX_LIFE_MS)
    errors.push(refuse('expiresAt', 'Expected an instant to come, within a year.'));
  if (namePrefix != null && !NAME_PREFIX.test(namePrefix)) {
    const rule = `1 to ${MAX_PREFIX} letters, digits, dots, dashes and underscores, beginning with a letter or digit`;
    errors.push(refuse('namePrefix', `Expected ${rule}, got ${JSON.stringify(namePrefix.slice(0, 64))}.`));
  }
  return errors;
}

function refuse(field: string, message: string): UserError {
  return { code: 'BAD_USER_INPUT', message, path: [field] };
}
