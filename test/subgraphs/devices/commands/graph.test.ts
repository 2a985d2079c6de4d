import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { waitFor } from '../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { registerLamps } from '../support/lamps.js';
import { connectMqtt, firstOf, gather } from '../support/mqtt.js';
import { openDevices, type TestDevices } from '../support/open-devices.js';

const opened = createOpened();
const openedByTest = createOpened();
let database: Database;
let devices: TestDevices;
const statements: string[] = [];

beforeAll(async () => {
  database = opened.keep(await openTestDatabase({ onStatement: (sql) => statements.push(sql) }));
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
beforeEach(async () => {
  devices = openedByTest.keep(await openDevices({ database }));
});
afterEach(openedByTest.close);

const SEND = `mutation ($input: SendCommandInput!) {
  sendCommand(input: $input) { command { id state } userErrors { code message path } }
}`;
const COMMAND = `query ($id: ID!) {
  command(id: $id) { id device { name } action input state attempts output error note requestedBy sentAt finishedAt }
}`;
const MOVES = `subscription ($deviceIds: [ID!], $after: String) {
  deviceCommands(deviceIds: $deviceIds, after: $after) { cursor gap state command { id state } }
}`;
const LIST = `query ($id: ID!, $first: Int, $after: String, $states: [CommandState!]) {
  device(id: $id) { commands(first: $first, after: $after, states: $states) {
    edges { node { id } } pageInfo { hasNextPage endCursor }
  } }
}`;

async function send(
  deviceId: string,
  times: number,
  more: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const input = { deviceId, action: 'blink', input: { times }, ...more };
  const { sendCommand } = await devices.ask(SEND, { input });
  if (!sendCommand.command) throw new Error(JSON.stringify(sendCommand.userErrors));
  return sendCommand.command.id;
}

const stateOf = async (id: string) => (await devices.ask(COMMAND, { id })).command?.state;

/** Connects as the device that publishes and listens on the topics of this name. */
async function connectLamp(name: string) {
  const client = await connectMqtt(devices.mqttUrl);
  const topic = `aegis/${devices.workspace}/${name}`;
  const received = await gather(client, `${topic}/commands`);
  return {
    received,
    answer: (id: string, answer: unknown) =>
      client.publishAsync(`${topic}/commands/${id}/answer`, JSON.stringify(answer), { qos: 1 }),
    close: () => client.endAsync(true),
  };
}

describe('commands in the graph', () => {
  it('are refused with the path inside the input', async () => {
    const [id = ''] = await registerLamps(devices, ['one']);
    const input = { deviceId: id, action: 'blink', input: { times: 0 } };
    const { sendCommand } = await devices.ask(SEND, { input });
    expect(sendCommand.userErrors).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['input', 'times'] }]);
    const plain = await devices.register('plain');
    const refused = await devices.ask(SEND, { input: { ...input, deviceId: plain } });
    expect(refused.sendCommand.userErrors).toMatchObject([{ path: ['deviceId'] }]);
  });

  it('wait for a device, reach it over MQTT when it connects, and carry its answer back', async () => {
    const [id = ''] = await registerLamps(devices, ['one']);
    const command = await send(id, 3);
    expect(await stateOf(command)).toBe('QUEUED');
    const lamp = await connectLamp('one');
    expect((await firstOf(lamp.received)).payload).toMatchObject({
      id: command,
      action: 'blink',
      input: { times: 3 },
    });
    await waitFor('it is delivered', async () => (await stateOf(command)) === 'DELIVERED');
    await lamp.answer(command, { state: 'EXECUTED', output: { blinked: 3 } });
    expect((await devices.ask(COMMAND, { id: command })).command).toMatchObject({
      ...{ device: { name: 'one' }, state: 'EXECUTED', attempts: 1, output: { blinked: 3 } },
      ...{ input: { times: 3 }, error: null, note: null, requestedBy: 'test' },
    });
    await lamp.close();
  });

  it('survive a restart, and are sent in their order afterwards', async () => {
    const [id = ''] = await registerLamps(devices, ['one']);
    const sent = [await send(id, 1), await send(id, 2), await send(id, 3)];
    await devices.close();
    const { workspace } = devices;
    devices = openedByTest.keep(await openDevices({ database, workspace }));
    const lamp = await connectLamp('one');
    await waitFor('all have come', () => lamp.received.length === 3);
    expect(lamp.received.map(({ payload }) => (payload as { id: string }).id)).toEqual(sent);
    await lamp.close();
  });

  it('tell each move, and those that were missed', async () => {
    const [id = '', other = ''] = await registerLamps(devices, ['one', 'two']);
    const stream = await devices.subscribe(MOVES, { deviceIds: [id] });
    const first = stream.next();
    await send(other, 1);
    const command = await send(id, 1);
    const queued = (await first).value?.data?.deviceCommands;
    expect(queued).toMatchObject({ gap: false, state: 'QUEUED', command: { id: command } });
    await stream.return();
    const lamp = await connectLamp('one');
    await waitFor('it is delivered', async () => (await stateOf(command)) === 'DELIVERED');
    await lamp.answer(command, { state: 'EXECUTED', output: { blinked: 1 } });
    const resumed = await devices.subscribe(MOVES, { deviceIds: [id], after: queued?.cursor });
    const states: unknown[] = [];
    for (let index = 0; index < 3; index += 1) {
      states.push((await resumed.next()).value?.data?.deviceCommands.state);
    }
    expect(states).toEqual(['SENT', 'DELIVERED', 'EXECUTED']);
    await resumed.return();
    await lamp.close();
  });

  it('are followed one by one until their end', async () => {
    const [id = ''] = await registerLamps(devices, ['one']);
    const command = await send(id, 1);
    const stream = await devices.subscribe('subscription ($id: ID!) { commandProgress(id: $id) { state } }', {
      id: command,
    });
    expect((await stream.next()).value?.data).toEqual({ commandProgress: { state: 'QUEUED' } });
    const cancel =
      'mutation ($id: ID!) { cancelCommand(input: { id: $id }) { command { state } userErrors { code } } }';
    expect((await devices.ask(cancel, { id: command })).cancelCommand.userErrors).toEqual([]);
    expect((await stream.next()).value?.data).toEqual({ commandProgress: { state: 'CANCELLED' } });
    expect((await stream.next()).done).toBe(true);
  });

  it('are listed a page at a time, by state', async () => {
    const [id = ''] = await registerLamps(devices, ['one']);
    const sent = [await send(id, 1), await send(id, 2), await send(id, 3)];
    const page = (await devices.ask(LIST, { id, first: 2 })).device?.commands;
    expect(page?.edges.map(({ node }) => node.id)).toEqual([sent[2], sent[1]]);
    const rest = (await devices.ask(LIST, { id, first: 2, after: page?.pageInfo.endCursor })).device
      ?.commands;
    expect(rest?.edges.map(({ node }) => node.id)).toEqual([sent[0]]);
    expect((await devices.ask(LIST, { id, states: ['EXECUTED'] })).device?.commands.edges).toEqual([]);
  });

  it('of 50 devices take one statement more than the devices', async () => {
    const ids = await registerLamps(
      devices,
      Array.from({ length: 50 }, (_, index) => `lamp-${index}`),
    );
    await send(ids[0] ?? '', 1);
    const list = `{ devices(first: 50) { edges { node {
      name commands(first: 3) { edges { node { state device { name } } } }
    } } } }`;
    statements.length = 0;
    const { devices: page } = await devices.ask(list);
    expect(page.edges).toHaveLength(50);
    expect(statements.filter((sql) => sql.includes('devices.commands'))).toHaveLength(1);
  });
});
