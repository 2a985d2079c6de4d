import { jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { parseWorkspaceId, type Principal } from './principal.js';

/*
 * How the gateway tells a subgraph in another process who is asking: a JSON Web Token (RFC 7519) signed with HMAC
 * SHA-256 under a secret that both know, in `authorization: Bearer …`, or under the same name in the payload that opens
 * a graphql-ws connection. Its audience is one subgraph, so that none can use at another what it was told itself. It is
 * checked when a request or a connection begins. A connection is then the principal's until it ends: the gateway, which
 * alone can open one, closes it when its own client leaves.
 */

const ISSUER = 'aegis-gateway';
const ALGORITHM = 'HS256';
/** How long a token is good for, and how long one token is handed out for one principal, in milliseconds. */
const LIFETIME_MS = 60_000;
const REUSE_MS = 10_000;
/** How far the clocks of two machines may be apart, in seconds. */
const CLOCK_TOLERANCE_S = 5;
/** The most tokens that either side remembers. */
const MAX_REMEMBERED = 1_000;

/** The fewest characters of the secret: HMAC SHA-256 wants a key as long as its output (RFC 7518, §3.2). */
const MIN_SECRET_CHARACTERS = 32;

export interface HandOverOptions {
  /** Known to the gateway and the subgraphs alone, at least {@link MIN_SECRET_CHARACTERS} characters. */
  readonly secret: string;
  /** Whom the tokens are for: the name that the subgraph has in the supergraph. */
  readonly subgraph: string;
  readonly now?: () => number;
}

/** The gateway's side: the value of the `authorization` entry. */
export type SignHandOver = (principal: Principal) => Promise<string>;

/** The subgraph's side: the principal of a token, undefined when it is not, or no longer, good. */
export type VerifyHandOver = (token: string | undefined) => Promise<Principal | undefined>;

/**
 * Makes the gateway's side for one subgraph. A principal is given the same token for ten seconds, for signing costs.
 *
 * Errors: when the secret is too short.
 */
export function createHandOverSigner({ secret, subgraph, now = Date.now }: HandOverOptions): SignHandOver {
  const key = toKey(secret);
  const signed = createMemory<Promise<string>>(now);
  return (principal) => {
    const { subject, workspace, roles } = principal;
    const name = JSON.stringify([subject, workspace, roles]);
    const known = signed.find(name);
    if (known) return known;
    const issuedAt = Math.floor(now() / 1_000);
    const authorization = new SignJWT({ workspace, roles })
      .setProtectedHeader({ alg: ALGORITHM })
      .setIssuer(ISSUER)
      .setAudience(audienceOf(subgraph))
      .setSubject(subject)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + LIFETIME_MS / 1_000)
      .sign(key)
      .then((token) => `Bearer ${token}`);
    signed.keep(name, authorization, now() + REUSE_MS);
    return authorization;
  };
}

const Claims = z.object({
  sub: z.string().min(1),
  workspace: z.string().transform((name, context) => {
    const workspace = parseWorkspaceId(name);
    if (workspace === undefined) context.addIssue('expected the name of a workspace');
    return workspace ?? z.NEVER;
  }),
  roles: z.array(z.string()),
  exp: z.number(),
});

/**
 * Makes the subgraph's side. What was found good is remembered until it expires, for checking costs too.
 *
 * Errors: when the secret is too short.
 */
export function createHandOverVerifier({
  secret,
  subgraph,
  now = Date.now,
}: HandOverOptions): VerifyHandOver {
  const key = toKey(secret);
  const verified = createMemory<Principal>(now);

  async function verify(token: string): Promise<Principal | undefined> {
    const verification = await jwtVerify(token, key, {
      algorithms: [ALGORITHM],
      issuer: ISSUER,
      audience: audienceOf(subgraph),
      clockTolerance: CLOCK_TOLERANCE_S,
      requiredClaims: ['exp', 'iat'],
      currentDate: new Date(now()),
    }).catch(() => undefined);
    const claims = Claims.safeParse(verification?.payload);
    if (!claims.success) return undefined;
    const { sub: subject, workspace, roles, exp } = claims.data;
    const principal: Principal = { subject, workspace, roles };
    verified.keep(token, principal, exp * 1_000);
    return principal;
  }

  return async (token) => (token === undefined ? undefined : (verified.find(token) ?? verify(token)));
}

function audienceOf(subgraph: string): string {
  return `aegis-subgraph:${subgraph}`;
}

function toKey(secret: string): Uint8Array {
  if (secret.length < MIN_SECRET_CHARACTERS) {
    throw new Error(
      `expected a hand-over secret of at least ${MIN_SECRET_CHARACTERS} characters, got ${secret.length}. ` +
        'Make one with: openssl rand -base64 32',
    );
  }
  return new TextEncoder().encode(secret);
}

/** Remembers values until their time is over; the oldest go first when there are too many. */
function createMemory<T>(now: () => number) {
  const entries = new Map<string, { readonly value: T; readonly untilMs: number }>();
  return {
    find(name: string): T | undefined {
      const entry = entries.get(name);
      if (!entry || entry.untilMs > now()) return entry?.value;
      entries.delete(name);
      return undefined;
    },
    keep(name: string, value: T, untilMs: number): void {
      const [oldest] = entries.keys();
      if (entries.size >= MAX_REMEMBERED && oldest !== undefined) entries.delete(oldest);
      entries.set(name, { value, untilMs });
    },
  };
}
