import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { AdmitDevice, DeviceCredentials, DevicePrincipal } from '../protocol.js';
import { TOKEN_OPTION, type CoapRequest } from './coap-request.js';

/** The device that a request is about, and that its sender may speak for. */
export interface AdmittedDevice {
  readonly workspace: WorkspaceId;
  readonly deviceId: string;
  readonly credentialId: string | undefined;
}

/** Which device, as its id; undefined when there is none of this id or name. */
export type FindDeviceId = (workspace: WorkspaceId, idOrName: string) => Promise<string | undefined>;

export interface CoapAccessDeps {
  readonly admit: AdmitDevice;
  readonly findDeviceId: FindDeviceId;
}

/** Decides whether a request is let in. */
export interface CoapAccess {
  /**
   * The device of `/<workspace>/<device>/…`, or of the credentials where the path names none.
   *
   * Errors: UNAUTHENTICATED, RATE_LIMITED after too many failures, FORBIDDEN, NOT_FOUND, BAD_USER_INPUT.
   */
  admitTo(request: CoapRequest, named: NamedDevice | undefined): Promise<AdmittedDevice>;
}

/** A device as a path names it. */
export interface NamedDevice {
  readonly workspace: string;
  readonly device: string;
}

/** Makes it. */
export function createCoapAccess({ admit, findDeviceId }: CoapAccessDeps): CoapAccess {
  async function identify(request: CoapRequest): Promise<DevicePrincipal> {
    const principal = await admit(readCredentials(request));
    if (principal) return principal;
    throw new AegisError(
      'UNAUTHENTICATED',
      `CoAP: expected a token in option ${TOKEN_OPTION} or in the query (?token=…), or ?username=…&password=…, and got none that is known.`,
    );
  }

  return {
    async admitTo(request, named) {
      const { workspace, deviceId, credentialId } = await identify(request);
      if (!named) {
        if (deviceId !== undefined) return { workspace, deviceId, credentialId };
        throw new AegisError(
          'BAD_USER_INPUT',
          'CoAP: a key of the workspace speaks for all of its devices; expected a path /<workspace>/<device>/….',
        );
      }
      if (named.workspace !== workspace) throw notYours(named);
      const found = named.device === deviceId ? deviceId : await findDeviceId(workspace, named.device);
      // Whoever may speak for one device is not told which others there are.
      if (deviceId !== undefined && found !== deviceId) throw notYours(named);
      if (found === undefined) throw noDevice(named);
      return { workspace, deviceId: found, credentialId };
    },
  };
}

function readCredentials({ query, accessToken, remote }: CoapRequest): DeviceCredentials {
  return {
    token: accessToken ?? query.get('token'),
    username: query.get('username'),
    password: query.get('password'),
    address: remote.address,
  };
}

function notYours({ workspace, device }: NamedDevice): AegisError {
  return new AegisError(
    'FORBIDDEN',
    `CoAP: these credentials do not speak for ${JSON.stringify(`${workspace}/${device}`.slice(0, 128))}.`,
  );
}

function noDevice({ device }: NamedDevice): AegisError {
  return new AegisError(
    'NOT_FOUND',
    `CoAP: there is no device ${JSON.stringify(device.slice(0, 64))} in this workspace; register it first.`,
  );
}
