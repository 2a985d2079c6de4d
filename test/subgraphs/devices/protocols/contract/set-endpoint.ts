import type { PeerOptions } from './contract-protocol.js';

const SET = `mutation ($input: SetDeviceEndpointInput!) {
  setDeviceEndpoint(input: $input) { userErrors { message } } }`;

/** Says where a device is that is called on. */
export async function setEndpoint(
  { devices, deviceId: id }: Pick<PeerOptions, 'devices' | 'deviceId'>,
  endpoint: string,
): Promise<void> {
  const { setDeviceEndpoint } = await devices.ask(SET, { input: { id, endpoint } });
  if (setDeviceEndpoint.userErrors.length > 0) throw new Error(JSON.stringify(setDeviceEndpoint.userErrors));
}
