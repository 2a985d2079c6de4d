import type { CreateDeviceCredentialPayload } from '../../../../subgraphs/devices/generated/schema-types.js';
import type { TestDevices } from './open-devices.js';

const CREATE = `mutation ($input: CreateDeviceCredentialInput!) { createDeviceCredential(input: $input) {
  credential { id username lastFour } token password userErrors { code message path } } }`;

/** Makes a credential of a device; nulls are left out. */
export async function createCredential(
  devices: Pick<TestDevices, 'ask'>,
  input: Readonly<Record<string, unknown>>,
) {
  const { createDeviceCredential } = await devices.ask(CREATE, { input });
  const { credential, token, password, userErrors }: CreateDeviceCredentialPayload = createDeviceCredential;
  return {
    userErrors,
    ...(credential ? { credential } : {}),
    ...(token == null ? {} : { token }),
    ...(password == null ? {} : { password }),
  };
}

/** Posts one reading and gives the status. */
export async function postTelemetry(
  devices: Pick<TestDevices, 'ingestUrl'>,
  device: string,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  const response = await fetch(`${devices.ingestUrl}/${device}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: '{"temperature": 1}',
  });
  await response.arrayBuffer();
  return response.status;
}
