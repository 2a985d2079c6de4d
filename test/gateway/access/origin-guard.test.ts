import { describe, expect, it } from '@jest/globals';
import { createOriginGuard } from '../../../gateway/access/origin-guard.js';

const HOST = '127.0.0.1:4000';

describe('the guard of a server without keys', () => {
  const guard = createOriginGuard({ allowedOrigins: ['https://app.example.com'], open: true });

  it.each([
    'localhost',
    'localhost:4000',
    'LOCALHOST:4000',
    '127.0.0.1:4000',
    '127.1.2.3',
    '[::1]:4000',
    undefined,
  ])('answers to this machine: %s', (host) => {
    expect(guard.refuse(undefined, host)).toBeUndefined();
  });

  it.each([
    'evil.example',
    'evil.example:4000',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '127.0.0.1@evil.example',
    '10.0.0.1',
    '0.0.0.0:4000',
    'a b',
    '',
  ])('answers to no other name, whatever it resolves to: %j', (host) => {
    expect(guard.refuse(undefined, host)).toContain('expected a request to localhost');
  });

  it.each([
    'http://localhost:3000',
    'http://127.0.0.1:4000',
    'https://[::1]',
    'https://app.example.com',
    undefined,
  ])('lets pages of this machine in, and those that are allowed: %s', (origin) => {
    expect(guard.allowsOrigin(origin, HOST)).toBe(true);
    expect(guard.refuse(origin, HOST)).toBeUndefined();
  });

  it.each([
    'https://evil.example',
    'http://app.example.com',
    'https://app.example.com:444',
    'null',
    'file://',
    'localhost',
    '',
  ])('lets no other pages in: %j', (origin) => {
    expect(guard.allowsOrigin(origin, HOST)).toBe(false);
    expect(guard.refuse(origin, HOST)).toContain('AEGIS_ALLOWED_ORIGINS');
  });
});

describe('the guard of a server with keys', () => {
  const guard = createOriginGuard({ allowedOrigins: [], open: false });

  it('answers under every name, and leaves pages to the browser and the keys', () => {
    expect(guard.refuse('https://evil.example', 'aegis.example.com')).toBeUndefined();
  });

  it('lets its own pages read, and no others, not even those of this machine', () => {
    expect(guard.allowsOrigin('https://aegis.example.com', 'Aegis.example.com')).toBe(true);
    expect(guard.allowsOrigin('https://other.example.com', 'aegis.example.com')).toBe(false);
    expect(guard.allowsOrigin('http://localhost:3000', 'aegis.example.com')).toBe(false);
    expect(guard.allowsOrigin('http://localhost:3000', undefined)).toBe(false);
  });
});
