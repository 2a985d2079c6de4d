import { createHash, randomBytes, randomInt } from 'node:crypto';

/** What the tokens of devices begin with: so a scanner of leaked secrets knows them, and no key of a workspace is one. */
const TOKEN_PREFIX = 'aegis_dev_';
const USERNAME_PREFIX = 'aegis_usr_';
const SECRET_BYTES = 32;
const USERNAME_BYTES = 10;

/** Crockford's base32: no I, L, O and U. Source: https://www.crockford.com/base32.html. */
const CODE_ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** 16 characters are 80 bits. */
const CODE_LENGTH = 16;
const CODE_GROUP = 4;

/** SHA-256 as lower-case hex: enough for secrets of 80 bits and more, which nobody can try out. */
export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** What is kept of a username and its password: neither is good without the other. */
export function digestOfPassword(username: string, password: string): string {
  return digestOf(`${username}:${password}`);
}

/** A token of 256 random bits. */
export function newToken(): string {
  return TOKEN_PREFIX + randomBytes(SECRET_BYTES).toString('base64url');
}

/** A username that no other device has. */
export function newUsername(): string {
  return USERNAME_PREFIX + randomBytes(USERNAME_BYTES).toString('hex');
}

/** A password of 256 random bits. */
export function newPassword(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** A code for people to type, such as `7KQ2-M9XT-0HCD-PWZ4`. */
export function newClaimCode(): string {
  const characters = Array.from(
    { length: CODE_LENGTH },
    () => CODE_ALPHABET[randomInt(CODE_ALPHABET.length)],
  );
  return characters.join('').replace(new RegExp(`(.{${CODE_GROUP}})(?!$)`, 'g'), '$1-');
}

/** A code as it was typed, as it is kept: case, dashes and spaces make no difference, nor does O for 0 or L for 1. */
export function normalizeClaimCode(typed: string): string {
  return typed.slice(0, 100).toUpperCase().replace(/[-\s]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
}

/** Whether it can be the token of a device. */
export function isDeviceToken(text: string | undefined): text is string {
  return text?.startsWith(TOKEN_PREFIX) === true;
}

/** Whether it can be the username of a device. */
export function isDeviceUsername(text: string | undefined): text is string {
  return text?.startsWith(USERNAME_PREFIX) === true;
}
