import type { TestDevices } from './open-devices.js';

const DEFINE = `mutation ($input: DefineDeviceProfileInput!) {
  defineDeviceProfile(input: $input) { userErrors { message path } }
}`;
const REGISTER = `mutation ($input: RegisterDeviceInput!) {
  registerDevice(input: $input) { device { id } userErrors { message path } }
}`;

/** What lamps measure, do and tell. */
const LAMP = {
  ...{ name: 'lamp', title: 'Lamp' },
  properties: [
    { name: 'level', type: 'INTEGER', unit: '%', minimum: 0, maximum: 100, writable: true },
    { name: 'power', unit: 'W' },
  ],
  actions: [
    {
      name: 'blink',
      input: {
        type: 'object',
        properties: { times: { type: 'integer', minimum: 1 } },
        required: ['times'],
      },
      output: { type: 'object', properties: { blinked: { type: 'integer' } }, required: ['blinked'] },
      timeoutSeconds: 60,
    },
  ],
  events: [{ name: 'overheated', data: { type: 'object', properties: { celsius: { type: 'number' } } } }],
};

/** Registers lamps with these names, and gives their ids. */
export async function registerLamps(devices: TestDevices, names: readonly string[]): Promise<string[]> {
  const { defineDeviceProfile } = await devices.ask(DEFINE, { input: LAMP });
  if (defineDeviceProfile.userErrors.length > 0)
    throw new Error(JSON.stringify(defineDeviceProfile.userErrors));
  const ids: string[] = [];
  for (const name of names) {
    const { registerDevice } = await devices.ask(REGISTER, { input: { name, profile: 'lamp' } });
    if (!registerDevice.device) throw new Error(JSON.stringify(registerDevice.userErrors));
    ids.push(registerDevice.device.id);
  }
  return ids;
}
