import {
  createLocalJWKSet,
  errors,
  jwtVerify,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWTHeaderParameters,
  type JWTPayload,
} from 'jose';
import { AegisError } from '../errors/aegis-error.js';
import type { IdentifyClient } from '../graphql/subgraph.js';
import { DEFAULT_WORKSPACE, parseWorkspaceId, type Principal, type WorkspaceId } from './principal.js';

/** Which tokens are good, and what their claims mean. */
export interface TokenRules {
  /** Checks HS256, HS384 and HS512; at least {@link MIN_SECRET_CHARACTERS} characters. */
  readonly secret?: string | undefined;
  /** Check the other algorithms: public keys, by RFC 7517. */
  readonly keys?: JSONWebKeySet | undefined;
  /** Those that are taken. A token's own header is never asked (RFC 8725, §3.1). */
  readonly algorithms: readonly TokenAlgorithm[];
  /** What `iss` must be, and what `aud` must name; not looked at when undefined. */
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  /** The names of the claims; dots lead into objects, as in `realm_access.roles`. */
  readonly subjectClaim: string;
  readonly workspaceClaim: string;
  readonly rolesClaim: string;
  /** How far the issuer's clock may be from this one, in seconds. */
  readonly clockToleranceS: number;
  readonly now?: () => number;
}

/** What a token may be signed by. */
export const TOKEN_ALGORITHMS = [
  ...(['HS256', 'HS384', 'HS512'] as const),
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512', 'EdDSA'] as const),
] as const;

export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number];

/** HMAC SHA-256 wants a key as long as its output (RFC 7518, §3.2). */
export const MIN_SECRET_CHARACTERS = 32;

/** A token that is good is remembered, for checking costs more than all else that a request needs. */
const MAX_REMEMBERED = 10_000;
/** Longer ones are not looked at, in characters: a header of that length is refused by most servers. */
const MAX_TOKEN_CHARACTERS = 16_384;

/** Three parts in base64url, the first of which is an object. Source: RFC 7515, §7.1. */
const COMPACT = /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/;

/** Why a token is not good: for everybody but its issuer they are the same. */
const REFUSED = [errors.JWTClaimValidationFailed, errors.JWTInvalid, errors.JWSInvalid] as const;
const UNKNOWN = [errors.JWSSignatureVerificationFailed, errors.JWKSNoMatchingKey] as const;
const UNUSABLE = [
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSMultipleMatchingKeys,
] as const;

/**
 * Makes the check of JSON Web Tokens. A token must expire (`exp`), and its principal expires with it.
 *
 * A token without a workspace opens the default one; one that names something else than a workspace opens none.
 *
 * Errors of the check: UNAUTHENTICATED with the reason TOKEN_EXPIRED. Source: RFC 7519; RFC 8725.
 */
export function createTokenIdentify(rules: TokenRules): IdentifyClient {
  const { now = Date.now } = rules;
  const known = new Map<string, Principal>();
  const verify = createVerifier(rules);

  async function check(token: string): Promise<Principal | undefined> {
    const payload = await verify(token);
    const principal = payload && toPrincipal(payload, rules);
    if (!principal) return undefined;
    const [oldest] = known.keys();
    if (known.size >= MAX_REMEMBERED && oldest !== undefined) known.delete(oldest);
    known.set(token, principal);
    return principal;
  }

  return ({ token }) => {
    if (token === undefined || token.length > MAX_TOKEN_CHARACTERS || !COMPACT.test(token)) return undefined;
    const before = known.get(token);
    if (!before) return check(token);
    if ((before.expiresAt ?? 0) > now()) return before;
    known.delete(token);
    throw describeExpiry();
  };
}

/** What a principal is told whose time is over. */
export function describeExpiry(): AegisError {
  return new AegisError('UNAUTHENTICATED', 'the token has expired. Present a new one.', {
    details: { reason: 'TOKEN_EXPIRED' },
  });
}

/** The claims of a good token; undefined for another. */
function createVerifier(rules: TokenRules): (token: string) => Promise<JWTPayload | undefined> {
  const { secret, keys, issuer, audience, clockToleranceS, now = Date.now } = rules;
  const ofSecret = secret === undefined ? undefined : new TextEncoder().encode(secret);
  const ofKeys = keys && createLocalJWKSet(keys);
  const options = {
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
    algorithms: [...rules.algorithms],
    clockTolerance: clockToleranceS,
    requiredClaims: ['exp'],
  };
  return async (token) => {
    try {
      const timed = { ...options, currentDate: new Date(now()) };
      const { payload } = await jwtVerify(
        token,
        async (header: JWTHeaderParameters, flattened: FlattenedJWSInput) => {
          // A public key must never pass for the secret of an HMAC: the algorithm decides which is used.
          const ofAlgorithm = header.alg.startsWith('HS') ? ofSecret : await ofKeys?.(header, flattened);
          if (ofAlgorithm) return ofAlgorithm;
          throw new errors.JWKSNoMatchingKey();
        },
        timed,
      );
      return payload;
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw describeExpiry();
      if ([...REFUSED, ...UNKNOWN, ...UNUSABLE].some((known) => error instanceof known)) return undefined;
      throw error;
    }
  };
}

function toPrincipal(payload: JWTPayload, rules: TokenRules): Principal | undefined {
  const subject = readClaim(payload, rules.subjectClaim);
  const workspace = toWorkspace(readClaim(payload, rules.workspaceClaim));
  if (typeof subject !== 'string' || subject === '' || !workspace || payload.exp === undefined)
    return undefined;
  const roles = toRoles(readClaim(payload, rules.rolesClaim));
  return { subject, workspace, roles, expiresAt: (payload.exp + rules.clockToleranceS) * 1_000 };
}

function readClaim(payload: JWTPayload, name: string): unknown {
  // Names that are URLs, as some issuers make them, are claims of their own.
  if (Object.hasOwn(payload, name)) return payload[name];
  let value: unknown = payload;
  for (const step of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}

function toWorkspace(claim: unknown): WorkspaceId | undefined {
  if (claim === undefined || claim === null) return DEFAULT_WORKSPACE;
  return typeof claim === 'string' ? parseWorkspaceId(claim) : undefined;
}

/** A list, or words with spaces between them as in `scope` (RFC 8693, §4.2). */
function toRoles(claim: unknown): readonly string[] {
  if (typeof claim === 'string') return claim.split(' ').filter((role) => role !== '');
  return Array.isArray(claim) ? claim.filter((role) => typeof role === 'string') : [];
}
