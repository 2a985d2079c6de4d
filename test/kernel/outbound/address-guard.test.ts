import { describe, expect, it } from '@jest/globals';
import { createAddressGuard, type AddressScope } from '../../../kernel/outbound/address-guard.js';

const allows = (scope: AddressScope, url: string) =>
  createAddressGuard(scope)
    .check(new URL(url))
    .then(
      () => true,
      (error: unknown) => {
        expect(error).toMatchObject({ code: 'FORBIDDEN' });
        return false;
      },
    );

const PUBLIC = ['http://93.184.216.34/', 'https://[2606:2800:220:1::1]/graphql'];
const LOOPBACK = [
  'http://127.0.0.1:4001/',
  'http://127.8.9.1/',
  'http://[::1]/',
  'http://localhost:1/',
  'http://0x7f.1/',
  'http://[::ffff:127.0.0.1]/',
];
const PRIVATE = [
  'http://10.1.2.3/',
  'http://172.16.0.1/',
  'http://192.168.1.1/',
  'http://[fd12::1]/',
  'http://100.64.0.1/',
  'http://[::ffff:10.0.0.1]/',
];
const NEVER = [
  'http://169.254.169.254/latest/meta-data',
  'http://[fd00:ec2::254]/',
  'http://100.100.100.200/',
  'http://168.63.129.16/',
  'http://[::ffff:168.63.129.16]/',
  'http://[fd00:ec2::23]/',
  'http://[fd20:ce::254]/',
  'http://[fd00:42::42]/',
  'http://[64:ff9b::a9fe:a9fe]/',
  'http://[::127.0.0.1]/',
  'http://[::169.254.169.254]/',
  'http://[fec0::1]/',
  'http://169.254.170.2/',
  'http://[fe80::1]/',
  'http://0.0.0.0/',
  'http://[::]/',
  'http://224.0.0.1/',
  'http://255.255.255.255/',
  'http://[::ffff:169.254.169.254]/',
];

describe('the guard of addresses', () => {
  it.each(PUBLIC)('lets public ones be called: %s', async (url) => {
    for (const scope of ['public', 'loopback', 'private'] as const)
      expect(await allows(scope, url)).toBe(true);
  });

  it.each(LOOPBACK)('lets this machine be called only where it may: %s', async (url) => {
    expect(await allows('public', url)).toBe(false);
    expect(await allows('loopback', url)).toBe(true);
    expect(await allows('private', url)).toBe(true);
  });

  it.each(PRIVATE)('lets private networks be called only where they may: %s', async (url) => {
    expect(await allows('public', url)).toBe(false);
    expect(await allows('loopback', url)).toBe(false);
    expect(await allows('private', url)).toBe(true);
  });

  it.each(NEVER)('never lets be called what is nobody’s, or tells a cloud’s secrets: %s', async (url) => {
    expect(await allows('private', url)).toBe(false);
  });

  it.each(['ftp://93.184.216.34/', 'file:///etc/passwd', 'ws://93.184.216.34/'])(
    'refuses what is not HTTP: %s',
    async (url) => {
      expect(await allows('private', url)).toBe(false);
    },
  );

  it('tells of an address in the place of a name without resolving anything', () => {
    const allowing = (scope: AddressScope) => (url: string) => createAddressGuard(scope).allows(new URL(url));
    const literal = LOOPBACK.filter((url) => !url.includes('localhost'));
    expect(literal.map(allowing('public'))).toEqual(literal.map(() => false));
    expect(literal.map(allowing('loopback'))).toEqual(literal.map(() => true));
    expect(NEVER.filter(allowing('private'))).toEqual([]);
    // What a name stands for is looked at by who connects.
    expect(allowing('public')('http://localhost/')).toBe(true);
    expect(allowing('private')('ftp://93.184.216.34/')).toBe(false);
  });

  it('looks at the addresses of a name when it is called, too', async () => {
    const resolve = (scope: AddressScope, all: boolean) =>
      new Promise((done) => {
        createAddressGuard(scope).lookup('localhost', { all }, (error, address) => {
          done(error ?? address);
        });
      });
    expect(await resolve('public', true)).toMatchObject({ code: 'FORBIDDEN' });
    expect(await resolve('loopback', true)).toEqual(
      expect.arrayContaining([expect.objectContaining({ family: expect.any(Number) })]),
    );
    expect(await resolve('loopback', false)).toMatch(/^(127\.0\.0\.1|::1)$/);
  });
});
