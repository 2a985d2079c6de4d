import { expect, it } from '@jest/globals';
import { waitFor } from '../../../../support/wait-for.js';
import type { TestDevices } from '../../support/open-devices.js';
import type { Capabilities, ContractPeer, ReceivedCommand } from './contract-protocol.js';
import { CLAUSE_DEADLINE_MS, type ContractStage } from './contract-stage.js';

const SEND = `mutation ($input: SendCommandInput!) {
  sendCommand(input: $input) { command { id } userErrors { message } } }`;
const COMMAND = 'query ($id: ID!) { command(id: $id) { state } }';
const DESIRE = `mutation ($input: UpdateDesiredInput!) {
  updateDesired(input: $input) { userErrors { message } } }`;
const TWIN = 'query ($id: ID!) { device(id: $id) { twin { reported delta } } }';

/** What has come of a command, one after the other. */
const STATES = ['QUEUED', 'SENT', 'DELIVERED', 'EXECUTED'];

/** Checks that devices get what they are told. */
export function describeDownlink({ protocol, open, register, connect }: ContractStage): void {
  it(
    'tells a connected device its command, and a device that comes what has waited for it',
    async () => {
      const devices = await open();
      const registered = await register('sensor');
      const early = await sendCommand(devices, registered.deviceId, 1);
      expect(await stateOf(devices, early)).toBe('QUEUED');
      const peer = await connect('sensor', registered);
      await peer.listen();
      const first = await waitForCommand(peer, 1);
      expect(first).toEqual(expectCommand(protocol, early, 1));
      const late = await sendCommand(devices, registered.deviceId, 2);
      const second = await waitForCommand(peer, 2);
      expect(second).toEqual(expectCommand(protocol, late, 2));
      await waitFor(`it is ${protocol.commandReaches}`, () =>
        hasReached(devices, late, protocol.commandReaches),
      );
      if (protocol.commandReaches !== 'EXECUTED')
        expect(await stateOf(devices, late)).toBe(protocol.commandReaches);
      await peer.execute(second);
      await waitFor('it is executed', () => hasReached(devices, late, 'EXECUTED'));
      expect(peer.commands()).toHaveLength(2);
    },
    CLAUSE_DEADLINE_MS,
  );

  it(
    'tells a device what is desired of it when it comes and when that changes, and takes its report',
    async () => {
      const devices = await open();
      const registered = await register('sensor');
      const { deviceId } = registered;
      await desire(devices, deviceId, 30);
      const peer = await connect('sensor', registered);
      await peer.listen();
      for (const interval of [30, 60]) {
        if (interval === 60) await desire(devices, deviceId, interval);
        await waitFor(`it is told ${interval}`, () => peer.intervals().at(-1) === interval);
        await peer.report(interval);
        const reported = { reported: { interval }, delta: {} };
        await waitFor('it is reported', async () => {
          const { device } = await devices.ask(TWIN, { id: deviceId });
          return JSON.stringify(device?.twin) === JSON.stringify(reported);
        });
      }
    },
    CLAUSE_DEADLINE_MS,
  );
}

async function sendCommand(devices: TestDevices, deviceId: string, seconds: number): Promise<string> {
  const input = { deviceId, action: 'identify', input: { seconds } };
  const { sendCommand: sent } = await devices.ask(SEND, { input });
  expect(sent.userErrors).toEqual([]);
  return sent.command?.id ?? '';
}

const stateOf = async (devices: TestDevices, id: string) =>
  (await devices.ask(COMMAND, { id })).command?.state;

async function hasReached(devices: TestDevices, id: string, state: string): Promise<boolean> {
  return STATES.indexOf((await stateOf(devices, id)) ?? '') >= STATES.indexOf(state);
}

const waitForCommand = (peer: ContractPeer, count: number): Promise<ReceivedCommand> =>
  waitFor(`${count} commands have reached it`, () => peer.commands()[count - 1]);

function expectCommand({ commands }: Capabilities, id: string, seconds: number): unknown {
  const command = { action: 'identify', input: { seconds } };
  return commands === 'INPUT' ? command : expect.objectContaining({ ...command, id });
}

async function desire(devices: TestDevices, deviceId: string, interval: number): Promise<void> {
  const input = { deviceId, patch: { interval } };
  const { updateDesired } = await devices.ask(DESIRE, { input });
  expect(updateDesired.userErrors).toEqual([]);
}
