import { describe, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import { findBearerToken } from '../../../kernel/identity/bearer-token.js';
import { createHandOverSigner, createHandOverVerifier } from '../../../kernel/identity/hand-over.js';
import { DEFAULT_WORKSPACE, type Principal } from '../../../kernel/identity/principal.js';

const SUBGRAPH = 'shop';
const SECRET = 'a secret of thirty-two characters';
const ANNA: Principal = { subject: 'anna', workspace: DEFAULT_WORKSPACE, roles: ['admin', 'reader'] };
const START = Date.UTC(2026, 0, 31, 12);

function createClock() {
  const clock = { at: START, now: () => clock.at };
  return clock;
}

async function sign(principal: Principal, now: () => number, secret = SECRET): Promise<string> {
  const token = findBearerToken({
    authorization: await createHandOverSigner({ secret, subgraph: SUBGRAPH, now })(principal),
  });
  if (token === undefined) throw new Error('expected a bearer token');
  return token;
}

/** A token of the right form, changed in one place. */
function forge(
  change: (token: SignJWT) => SignJWT,
  { claims = {}, alg = 'HS256' }: { claims?: Record<string, unknown>; alg?: string } = {},
): Promise<string> {
  const issuedAt = START / 1_000;
  const token = new SignJWT({ workspace: 'default', roles: ['admin'], ...claims })
    .setProtectedHeader({ alg })
    .setIssuer('aegis-gateway')
    .setAudience('aegis-subgraph:shop')
    .setSubject('anna')
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + 60);
  return change(token).sign(new TextEncoder().encode(SECRET));
}

describe('the hand-over of a principal', () => {
  it('tells the subgraph who asked the gateway', async () => {
    const { now } = createClock();
    const verify = createHandOverVerifier({ secret: SECRET, subgraph: SUBGRAPH, now });
    const token = await sign(ANNA, now);
    expect(await verify(token)).toEqual(ANNA);
    expect(await verify(token)).toEqual(ANNA);
  });

  it('is good for a minute, and a little more for clocks that differ, also where it was seen before', async () => {
    const clock = createClock();
    const verify = createHandOverVerifier({ secret: SECRET, subgraph: SUBGRAPH, now: clock.now });
    const token = await sign(ANNA, clock.now);
    clock.at = START + 59_000;
    expect(await verify(token)).toEqual(ANNA);
    clock.at = START + 66_000;
    expect(await verify(token)).toBeUndefined();
  });

  it('gives a principal the same token for ten seconds, and each principal its own', async () => {
    const clock = createClock();
    const signer = createHandOverSigner({ secret: SECRET, subgraph: SUBGRAPH, now: clock.now });
    const first = await signer(ANNA);
    expect(await signer({ ...ANNA })).toBe(first);
    expect(await signer({ ...ANNA, roles: ['reader'] })).not.toBe(first);
    clock.at = START + 10_000;
    expect(await signer(ANNA)).not.toBe(first);
  });

  it('is still known among thousands of others', async () => {
    const { now } = createClock();
    const signer = createHandOverSigner({ secret: SECRET, subgraph: SUBGRAPH, now });
    const verify = createHandOverVerifier({ secret: SECRET, subgraph: SUBGRAPH, now });
    for (let n = 0; n < 1_500; n += 1) {
      const token = findBearerToken({ authorization: await signer({ ...ANNA, subject: `user ${n}` }) });
      expect((await verify(token))?.subject).toBe(`user ${n}`);
    }
  });

  it.each<[string, () => Promise<string | undefined>]>([
    ['no token', () => Promise.resolve(undefined)],
    ['no JWT', () => Promise.resolve('x.y.z')],
    ['another secret', () => sign(ANNA, () => START, SECRET.toUpperCase())],
    ['another issuer', () => forge((token) => token.setIssuer('somebody'))],
    ['another audience', () => forge((token) => token.setAudience('somebody'))],
    ['the audience of every subgraph', () => forge((token) => token.setAudience('aegis-subgraph'))],
    ['the audience of another subgraph', () => forge((token) => token.setAudience('aegis-subgraph:stock'))],
    ['another algorithm', () => forge((token) => token, { alg: 'HS512' })],
    ['the time of tomorrow', () => forge((token) => token.setNotBefore(START / 1_000 + 86_400))],
    ['a workspace that cannot be', () => forge((token) => token, { claims: { workspace: '../other' } })],
    ['no roles', () => forge((token) => token, { claims: { roles: undefined } })],
    ['an empty subject', () => forge((token) => token.setSubject(''))],
  ])('is refused with %s', async (_what, make) => {
    const verify = createHandOverVerifier({ secret: SECRET, subgraph: SUBGRAPH, now: () => START });
    expect(await verify(await make())).toBeUndefined();
  });

  it('is accepted in the form that those above are refused in', async () => {
    const verify = createHandOverVerifier({ secret: SECRET, subgraph: SUBGRAPH, now: () => START });
    expect(await verify(await forge((token) => token))).toEqual({ ...ANNA, roles: ['admin'] });
  });

  it('is good at no other subgraph', async () => {
    const elsewhere = createHandOverVerifier({ secret: SECRET, subgraph: 'stock', now: () => START });
    expect(await elsewhere(await sign(ANNA, () => START))).toBeUndefined();
  });

  it('is refused without a signature', async () => {
    const [, claims = ''] = (await forge((token) => token)).split('.');
    const header = Buffer.from('{"alg":"none"}').toString('base64url');
    const verify = createHandOverVerifier({ secret: SECRET, subgraph: SUBGRAPH, now: () => START });
    expect(await verify(`${header}.${claims}.`)).toBeUndefined();
  });

  it('wants a secret that cannot be guessed', () => {
    expect(() => createHandOverSigner({ secret: 'short', subgraph: SUBGRAPH })).toThrow(
      /at least 32 characters, got 5/,
    );
    expect(() => createHandOverVerifier({ secret: 'short', subgraph: SUBGRAPH })).toThrow(
      /at least 32 characters, got 5/,
    );
  });
});

describe('a bearer token', () => {
  it.each([
    [{ authorization: 'Bearer abc.def' }, 'abc.def'],
    [{ Authorization: 'bearer  abc==' }, 'abc=='],
    [{ authorization: 'Basic abc' }, undefined],
    [{ authorization: 'Bearer' }, undefined],
    [{ authorization: 'Bearer a b' }, undefined],
    [{ authorization: ['Bearer abc'] }, undefined],
    [{}, undefined],
    [undefined, undefined],
  ])('of %j is %j', (presented, expected) => {
    expect(findBearerToken(presented)).toBe(expected);
  });
});
