import { X509Certificate } from 'node:crypto';
import type { RequestContext } from '../../../kernel/graphql/subgraph.js';
import type {
  CreateDeviceCredentialInput,
  RevokeDeviceCredentialInput,
  UserError,
} from '../generated/schema-types.js';
import {
  MAX_CREDENTIALS,
  type CredentialRegistry,
  type CredentialRow,
  type NewCredential,
} from './registry.js';
import { digestOf, digestOfPassword, newPassword, newToken, newUsername } from './secrets.js';
import { toOrigin } from '../to-origin.js';

/** What came of making a credential; its secret is shown this once. */
export interface CreatedCredential {
  readonly credential: CredentialRow | null;
  readonly token: string | null;
  readonly password: string | null;
  readonly userErrors: UserError[];
}

/** What came of revoking one. */
export interface RevokedCredential {
  readonly credential: CredentialRow | null;
  readonly userErrors: UserError[];
}

/** The changes of credentials, each checked first. */
export interface CredentialMutations {
  create(input: CreateDeviceCredentialInput, request: RequestContext): Promise<CreatedCredential>;
  revoke(input: RevokeDeviceCredentialInput, request: RequestContext): Promise<RevokedCredential>;
}

/** A credential as it is to be kept, and its secret as it is to be shown. */
interface Draft {
  readonly kept: Pick<NewCredential, 'digest' | 'username' | 'lastFour'> & { readonly expiresAt?: Date };
  readonly token?: string;
  readonly password?: string;
}

const SHOWN = 4;
const MAX_LABEL = 100;
const MAX_CERTIFICATE = 32_768;

/** Makes the changes of credentials. */
export function createCredentialMutations(
  registry: CredentialRegistry,
  now: () => number = Date.now,
): CredentialMutations {
  return {
    async create(input, request) {
      const errors = checkInput(input, now());
      const draft =
        input.kind === 'CERTIFICATE' ? fromCertificate(input.certificate, now()) : draw(input.kind);
      if (isRefusal(draft)) errors.push(draft);
      if (isRefusal(draft) || errors.length > 0) return refused(errors);
      const { expiresAt: ofCertificate = null, ...kept } = draft.kept;
      const created = await registry.create(toOrigin(request), input.deviceId, {
        ...kept,
        kind: input.kind,
        label: input.label ?? null,
        expiresAt: earlier(input.expiresAt ?? null, ofCertificate),
      });
      if (typeof created === 'string') return refused([toError(created, input.deviceId)]);
      const { token = null, password = null } = draft;
      return { credential: created, token, password, userErrors: [] };
    },
    async revoke({ id }, request) {
      const revoked = await registry.revoke(toOrigin(request), id);
      if (revoked !== 'NOT_FOUND') return { credential: revoked, userErrors: [] };
      const message = `There is no credential ${JSON.stringify(id.slice(0, 64))}; it may have gone with its device.`;
      return { credential: null, userErrors: [{ code: 'NOT_FOUND', message, path: ['id'] }] };
    },
  };
}

function draw(kind: 'TOKEN' | 'PASSWORD'): Draft {
  if (kind === 'TOKEN') {
    const token = newToken();
    return { token, kept: { digest: digestOf(token), username: null, lastFour: token.slice(-SHOWN) } };
  }
  const [username, password] = [newUsername(), newPassword()];
  const digest = digestOfPassword(username, password);
  return { password, kept: { digest, username, lastFour: password.slice(-SHOWN) } };
}

function fromCertificate(pem: string | null | undefined, nowMs: number): Draft | UserError {
  const certificate = parseCertificate(pem);
  if (!certificate) {
    const got = pem == null ? 'none' : 'something else';
    return refuse(
      'certificate',
      `Expected one certificate in PEM, from -----BEGIN CERTIFICATE----- on, got ${got}.`,
    );
  }
  const expiresAt = new Date(certificate.validTo);
  if (expiresAt.getTime() <= nowMs)
    return refuse(
      'certificate',
      `Expected a certificate that is good, got one that expired at ${expiresAt.toISOString()}.`,
    );
  const digest = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  return { kept: { digest, username: null, lastFour: digest.slice(-SHOWN), expiresAt } };
}

function parseCertificate(pem: string | null | undefined): X509Certificate | undefined {
  if (pem == null || pem.length > MAX_CERTIFICATE || !pem.includes('-----BEGIN CERTIFICATE-----'))
    return undefined;
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function checkInput(
  { label, expiresAt, kind, certificate }: CreateDeviceCredentialInput,
  nowMs: number,
): UserError[] {
  const errors: UserError[] = [];
  if (label != null && (label.length < 1 || label.length > MAX_LABEL || label.includes('\u0000')))
    errors.push(refuse('label', `Expected 1 to ${MAX_LABEL} characters without NUL, got ${label.length}.`));
  if (expiresAt && expiresAt.getTime() <= nowMs)
    errors.push(refuse('expiresAt', `Expected an instant to come, got ${expiresAt.toISOString()}.`));
  if (kind !== 'CERTIFICATE' && certificate != null)
    errors.push(refuse('certificate', `Expected none with the kind ${kind}.`));
  return errors;
}

function earlier(one: Date | null, other: Date | null): Date | null {
  if (one === null || other === null) return one ?? other;
  return one < other ? one : other;
}

function toError(refusal: 'NO_DEVICE' | 'TAKEN' | 'TOO_MANY', deviceId: string): UserError {
  switch (refusal) {
    case 'NO_DEVICE':
      return {
        code: 'NOT_FOUND',
        message: `There is no device ${JSON.stringify(deviceId.slice(0, 64))}; it may have been removed.`,
        path: ['deviceId'],
      };
    case 'TAKEN':
      return {
        code: 'CONFLICT',
        message: 'This certificate is, or was, the credential of a device already; make another one.',
        path: ['certificate'],
      };
    case 'TOO_MANY':
      return {
        code: 'CONFLICT',
        message: `The device has ${MAX_CREDENTIALS} credentials that can be used, which is as many as may; revoke one.`,
        path: ['deviceId'],
      };
  }
}

function isRefusal(draft: Draft | UserError): draft is UserError {
  return 'message' in draft;
}

function refused(userErrors: UserError[]): CreatedCredential {
  return { credential: null, token: null, password: null, userErrors };
}

function refuse(field: string, message: string): UserError {
  return { code: 'BAD_USER_INPUT', message, path: [field] };
}
