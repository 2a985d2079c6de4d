import { beforeAll, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey, type JWK } from 'jose';
import { createTokenIdentify, type TokenRules } from '../../../kernel/identity/json-web-tokens.js';

const SECRET = 'a-secret-that-is-at-least-32-characters';
const AT = 1_800_000_000;
const keys: Record<string, { privateKey: CryptoKey; publicKey: CryptoKey; jwk: JWK }> = {};

beforeAll(async () => {
  for (const alg of ['RS256', 'ES256', 'EdDSA']) {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    keys[alg] = { privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid: alg, alg } };
  }
});

function rules(more: Partial<TokenRules> = {}): TokenRules {
  return {
    secret: SECRET,
    keys: { keys: Object.values(keys).map(({ jwk }) => jwk) },
    algorithms: ['HS256', 'RS256', 'ES256', 'EdDSA'],
    subjectClaim: 'sub',
    workspaceClaim: 'workspace',
    rolesClaim: 'roles',
    clockToleranceS: 5,
    now: () => AT * 1_000,
    ...more,
  };
}

interface Making {
  readonly alg?: string;
  readonly kid?: string;
  readonly exp?: number | undefined;
  readonly secret?: string;
}

function sign(claims: Record<string, unknown> = {}, making: Making = {}): Promise<string> {
  const { alg = 'HS256', kid = alg, secret = SECRET } = making;
  const exp = 'exp' in making ? making.exp : AT + 60;
  const key = keys[kid]?.privateKey ?? new TextEncoder().encode(secret);
  return new SignJWT({ sub: 'anna', ...claims, ...(exp === undefined ? {} : { exp }) })
    .setProtectedHeader({ alg, kid })
    .sign(key);
}

const identify = (token: string | undefined, more: Partial<TokenRules> = {}) =>
  Promise.resolve(createTokenIdentify(rules(more))({ token }));

describe('a signed token', () => {
  it.each(['HS256', 'RS256', 'ES256', 'EdDSA'])('says who is asking, and until when, by %s', async (alg) => {
    const token = await sign({ workspace: 'garden', roles: ['admin', 7, 'reader'] }, { alg });
    expect(await identify(token)).toEqual({
      subject: 'anna',
      workspace: 'garden',
      roles: ['admin', 'reader'],
      expiresAt: (AT + 65) * 1_000,
    });
  });

  it('opens the default workspace when it names none, and none when it names what is none', async () => {
    expect(await identify(await sign())).toMatchObject({ workspace: 'default', roles: [] });
    for (const workspace of ['Not One', '', 5, ['garden']])
      expect(await identify(await sign({ workspace }))).toBeUndefined();
  });

  it('has its claims where they are said to be', async () => {
    const token = await sign({
      uid: 'bert',
      'https://example.com/space': 'garden',
      realm_access: { roles: 'reader writer' },
    });
    const claims = {
      subjectClaim: 'uid',
      workspaceClaim: 'https://example.com/space',
      rolesClaim: 'realm_access.roles',
    };
    expect(await identify(token, claims)).toMatchObject({
      subject: 'bert',
      workspace: 'garden',
      roles: ['reader', 'writer'],
    });
    expect(await identify(token, { subjectClaim: 'realm_access' })).toBeUndefined();
    expect(await identify(token, { subjectClaim: '__proto__.constructor.name' })).toBeUndefined();
  });

  it('must be for this audience and of this issuer, when they are set', async () => {
    const asked = { issuer: 'https://id.example', audience: 'aegis' };
    const good = await sign({ iss: 'https://id.example', aud: ['other', 'aegis'] });
    expect(await identify(good, asked)).toMatchObject({ subject: 'anna' });
    for (const claims of [{}, { iss: 'https://id.example', aud: 'other' }, { iss: 'x', aud: 'aegis' }])
      expect(await identify(await sign(claims), asked)).toBeUndefined();
  });

  it('that has expired is told so, also when it was good before', async () => {
    const expired = { code: 'UNAUTHENTICATED', details: { reason: 'TOKEN_EXPIRED' } };
    await expect(identify(await sign({}, { exp: AT - 6 }))).rejects.toMatchObject(expired);
    expect(await identify(await sign({}, { exp: AT - 4 }))).toBeDefined();
    let now = AT * 1_000;
    const check = createTokenIdentify(rules({ now: () => now }));
    const token = await sign({}, { exp: AT + 1 });
    expect(await check({ token })).toBeDefined();
    now += 6_000;
    expect(() => check({ token })).toThrow('expired');
    await expect(Promise.resolve().then(() => check({ token }))).rejects.toMatchObject(expired);
  });

  it('is not good when it never expires, or is not yet good', async () => {
    expect(await identify(await sign({}, { exp: undefined }))).toBeUndefined();
    expect(await identify(await sign({ nbf: AT + 60 }))).toBeUndefined();
  });

  it('is not good without a good signature, by whatever means', async () => {
    const good = await sign();
    const [head = '', , signature = ''] = good.split('.');
    const payload = Buffer.from(JSON.stringify({ sub: 'eve', exp: AT + 60 })).toString('base64url');
    const publicKey = JSON.stringify(keys['RS256']?.jwk);
    const tokens = [
      `${head}.${payload}.${signature}`,
      new UnsecuredJWT({ sub: 'eve' }).setExpirationTime(AT + 60).encode(),
      await sign({ sub: 'eve' }, { secret: 'another-secret-of-at-least-32-characters' }),
      // A public key taken for the secret of an HMAC (RFC 8725, §2.1).
      await sign({ sub: 'eve' }, { alg: 'HS256', kid: 'none', secret: publicKey }),
      await sign({ sub: 'eve' }, { alg: 'HS512' }),
      ...['', 'x', 'eyJ.x', 'eyJhbGciOiJIUzI1NiJ9.e30.x', `eyJ${'x'.repeat(20_000)}.x.x`],
    ];
    for (const token of [undefined, ...tokens]) expect(await identify(token)).toBeUndefined();
  });

  it('is not good by an algorithm for which there is no key', async () => {
    expect(await identify(await sign(), { secret: undefined })).toBeUndefined();
    expect(await identify(await sign({}, { alg: 'ES256' }), { keys: undefined })).toBeUndefined();
    expect(await identify(await sign({}, { alg: 'ES256' }), { algorithms: ['HS256'] })).toBeUndefined();
  });
});
