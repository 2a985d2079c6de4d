import type { TestDevices } from '../../support/open-devices.js';

/** Where a peripheral has what the profile maps. */
export const GATT = {
  service: '0000181a-0000-1000-8000-00805f9b34fb',
  temperature: '00002a6e-0000-1000-8000-00805f9b34fb',
  interval: '12345678-1234-5678-1234-56789abcdef1',
  identify: '12345678-1234-5678-1234-56789abcdef2',
} as const;

/** The number of a temperature that means that there is none. */
export const GATT_UNKNOWN = -32_768;

/** The profile of every device under the contract: what it measures, may be told and does, by whatever it is reached. */
export const CONTRACT_PROFILE = {
  ...{ name: 'contract-sensor', title: 'A sensor under the contract of protocols' },
  properties: [
    { name: 'temperature', unit: 'Cel', minimum: -40, maximum: 125 },
    { name: 'interval', type: 'INTEGER', unit: 's', minimum: 1, maximum: 3_600, writable: true },
  ],
  actions: [
    {
      name: 'identify',
      input: { type: 'object', properties: { seconds: { type: 'integer' } }, required: ['seconds'] },
    },
  ],
  coap: {
    resources: [{ path: '/sensors', observe: true }],
    properties: { interval: { path: '/interval' } },
    actions: { identify: { path: '/identify' } },
  },
  bluetooth: {
    characteristics: [
      {
        ...{ service: GATT.service, characteristic: GATT.temperature, property: 'temperature' },
        ...{ format: 'sint16', scale: 0.01, unknown: GATT_UNKNOWN },
      },
      {
        ...{ service: GATT.service, characteristic: GATT.interval, property: 'interval' },
        ...{ format: 'uint16', write: true },
      },
    ],
    actions: {
      identify: { service: GATT.service, characteristic: GATT.identify, field: 'seconds', format: 'uint8' },
    },
  },
};

const DEFINE = `mutation ($input: DefineDeviceProfileInput!) {
  defineDeviceProfile(input: $input) { userErrors { message path } } }`;

/** Defines it in the workspace of a subgraph. */
export async function defineContractProfile(devices: Pick<TestDevices, 'ask'>): Promise<void> {
  const { userErrors } = (await devices.ask(DEFINE, { input: CONTRACT_PROFILE })).defineDeviceProfile;
  if (userErrors.length > 0) throw new Error(JSON.stringify(userErrors));
}
