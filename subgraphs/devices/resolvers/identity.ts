import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { checkPageSize, toConnection } from '../../../kernel/graphql/connection.js';
import type { Claims } from '../claims/claims.js';
import type { ClaimCodePlace } from '../claims/registry.js';
import type { CredentialMutations } from '../credentials/credential-mutations.js';
import type { Resolvers } from '../generated/schema-types.js';

export interface IdentityResolverDeps {
  readonly credentialMutations: CredentialMutations;
  readonly claims: Claims;
}

/** Of a device that was never heard from. */
const NEVER_HEARD = {
  state: 'UNKNOWN',
  since: null,
  lastSeenAt: null,
  protocol: null,
  reason: null,
} as const;

/** Fields of what devices prove themselves with, of claim codes and of who is connected. */
export function createIdentityResolvers({ credentialMutations, claims }: IdentityResolverDeps) {
  return {
    Query: {
      async claimCodes(_parent, { first: wanted, after, usable }, { principal }) {
        const first = checkPageSize(wanted);
        const rows = await claims.list(principal.workspace, {
          ...{ first, usable },
          after: after == null ? undefined : decodePlace(after),
        });
        return toConnection(rows, { first, after: after != null, cursorOf: encodePlace });
      },
    },
    Mutation: {
      createDeviceCredential: (_parent, { input }, context) => credentialMutations.create(input, context),
      revokeDeviceCredential: (_parent, { input }, context) => credentialMutations.revoke(input, context),
      createClaimCodes: (_parent, { input }, context) => claims.create(input, context),
      revokeClaimCode: (_parent, { input }, context) => claims.revoke(input, context),
    },
    Device: {
      credentials: ({ id }, _args, { credentials }) => credentials.load(id),
      connectivity: async ({ id }, _args, { connectivity }) => (await connectivity.load(id)) ?? NEVER_HEARD,
    },
    ClaimCode: {
      labels: ({ labels }) => Object.entries(labels).map(([key, value]) => ({ key, value })),
    },
  } satisfies Resolvers;
}

function encodePlace({ createdAt, id }: ClaimCodePlace): string {
  return Buffer.from(`${createdAt.getTime()}:${id}`).toString('base64url');
}

function decodePlace(cursor: string): ClaimCodePlace {
  const [, at, id] =
    /^(\d{1,15}):(clm_[0-9a-f]{32})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  if (at !== undefined && id !== undefined) return { createdAt: new Date(Number(at)), id };
  throw new AegisError(
    'BAD_USER_INPUT',
    `after: expected the cursor of an earlier page, got ${JSON.stringify(cursor.slice(0, 64))}. Leave it out to begin at the beginning.`,
  );
}
