import type { FastifyRequest } from 'fastify';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { findBearerToken } from '../../../../kernel/identity/bearer-token.js';
import type { KnownDevice, KnownDevices } from '../../readings/known-devices.js';
import type { AdmitDevice, DeviceCredentials, DevicePrincipal } from '../protocol.js';

/** Who sends a request, and for which devices. */
export interface HttpAccess {
  /** Errors: UNAUTHENTICATED; RATE_LIMITED when too many attempts from its address have failed. */
  admit(request: FastifyRequest): Promise<DevicePrincipal>;
  /** Errors: FORBIDDEN when a device sends for another one. */
  checkDevice(principal: DevicePrincipal, idOrName: string): Promise<void>;
  /** The device that a request is for. Errors: those of {@link checkDevice}; NOT_FOUND. */
  getDevice(principal: DevicePrincipal, idOrName: string): Promise<KnownDevice>;
}

export interface HttpAccessDeps {
  readonly admit: AdmitDevice;
  readonly devices: Pick<KnownDevices, 'find'>;
}

/** Makes the check. */
export function createHttpAccess({ admit, devices }: HttpAccessDeps): HttpAccess {
  async function checkDevice({ workspace, deviceId }: DevicePrincipal, idOrName: string): Promise<void> {
    if (deviceId === undefined || deviceId === idOrName) return;
    const device = await devices.find(workspace, idOrName);
    if (device?.id !== deviceId) throw notItself(idOrName);
  }

  return {
    checkDevice,
    async admit({ headers, ip }) {
      const principal = await admit({ ...readCredentials(headers), address: ip });
      if (principal) return principal;
      throw new AegisError(
        'UNAUTHENTICATED',
        'Expected a valid key or token in `Authorization: Bearer <key>` or `X-Api-Key: <key>`, or a username and ' +
          'password of a device in `Authorization: Basic …`, and got none.',
      );
    },
    async getDevice(principal, idOrName) {
      await checkDevice(principal, idOrName);
      const device = await devices.find(principal.workspace, idOrName);
      if (device) return device;
      throw new AegisError(
        'NOT_FOUND',
        `there is no device ${JSON.stringify(idOrName.slice(0, 64))} in this workspace; register it with registerDevice first.`,
      );
    },
  };
}

/** The key or token, from either of the headers that the gateway takes it from, or a username and password. */
function readCredentials(headers: FastifyRequest['headers']): DeviceCredentials {
  const key = headers['x-api-key'];
  const token = findBearerToken(headers) ?? (typeof key === 'string' && key !== '' ? key : undefined);
  return token === undefined ? readBasic(headers.authorization) : { token };
}

/** Source: RFC 7617, §2. */
function readBasic(authorization: string | undefined): DeviceCredentials {
  const [, encoded] = /^Basic +(?<encoded>[A-Za-z0-9+/_-]+=*) *$/i.exec(authorization ?? '') ?? [];
  if (encoded === undefined) return {};
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? {} : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

function notItself(idOrName: string): AegisError {
  return new AegisError(
    'FORBIDDEN',
    `expected the device that the credential belongs to, got ${JSON.stringify(idOrName.slice(0, 64))}.`,
  );
}
