import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { createInProcessLiveBus } from '../../../../kernel/events/in-process-live-bus.js';
import type { DeviceCommandModel } from '../../../../subgraphs/devices/commands/models.js';
import type { SendCommandInput } from '../../../../subgraphs/devices/generated/schema-types.js';
import type { Delivery, Downlink } from '../../../../subgraphs/devices/sessions/session.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { waitFor } from '../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { LAMP, openDownlink, type TestDownlink } from '../support/open-downlink.js';

const opened = createOpened();
const openedByTest = createOpened();
let database: Database;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
afterEach(openedByTest.close);

const open = async (options: Partial<Parameters<typeof openDownlink>[0]> = {}): Promise<TestDownlink> =>
  openedByTest.keep(await openDownlink({ database, profile: LAMP, ...options }));

const send = ({ commands, request }: TestDownlink, deviceId: string, input: Partial<SendCommandInput> = {}) =>
  commands.send({ deviceId, action: 'blink', input: { times: 1 }, ...input }, request);

/** Sends a command that is taken, and gives its id. */
async function queue(
  downlink: TestDownlink,
  deviceId: string,
  input?: Partial<SendCommandInput>,
): Promise<string> {
  const { command, userErrors } = await send(downlink, deviceId, input);
  if (!command) throw new Error(JSON.stringify(userErrors));
  return command.id;
}

async function read({ commands, workspace }: TestDownlink, id: string): Promise<DeviceCommandModel> {
  const command = await commands.createLoaders(workspace).commands.load(id);
  if (!command) throw new Error(`there is no command ${id}`);
  return command;
}

const inState = (downlink: TestDownlink, id: string, state: DeviceCommandModel['state']) =>
  waitFor(`the command is ${state}`, async () => {
    const command = await read(downlink, id);
    return command.state === state && command;
  });

const movesOf = async (downlink: TestDownlink, id: string): Promise<string[]> =>
  (await downlink.facts(id)).map(({ type }) => type.replace('aegis.command.', ''));

const idOf = (downlink: Downlink | undefined): string => (downlink?.kind === 'command' ? downlink.id : '');

describe('sending a command', () => {
  it('is refused with the path of everything that does not fit the action', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    const { command, userErrors } = await send(downlink, id, {
      input: { times: 0, colour: 'GREEN', speed: 1 },
      ttlSeconds: 0,
      idempotencyKey: 'with a space',
    });
    expect(command).toBeNull();
    expect(userErrors.map(({ path }) => path.join('.')).sort()).toEqual([
      'idempotencyKey',
      'input.colour',
      'input.speed',
      'input.times',
      'ttlSeconds',
    ]);
    expect((await send(downlink, id, { input: {} })).userErrors).toMatchObject([
      { path: ['input', 'times'] },
    ]);
    expect((await send(downlink, id, { input: '\0' })).userErrors).toMatchObject([{ path: ['input'] }]);
    const reset = await send(downlink, id, { action: 'reset', input: 1 });
    expect(reset.userErrors).toMatchObject([{ path: ['input'] }]);
  });

  it('says what to do where there is no such action, no profile and no device', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    expect((await send(downlink, id, { action: 'fly' })).userErrors).toMatchObject([
      { path: ['action'], message: expect.stringContaining('expected one of blink, reset') },
    ]);
    expect((await send(downlink, 'dev_none')).userErrors).toMatchObject([
      { code: 'NOT_FOUND', path: ['deviceId'] },
    ]);
    const without = await open({ profile: undefined, workspace: downlink.workspace });
    expect((await send(without, id)).userErrors).toMatchObject([
      { path: ['deviceId'], message: expect.stringContaining('Give it a profile') },
    ]);
    const silent = await open({ profile: { ...LAMP, actions: [] }, workspace: downlink.workspace });
    expect((await send(silent, id)).userErrors).toMatchObject([
      { path: ['action'], message: expect.stringContaining('declares no actions') },
    ]);
  });

  it('gives the same command for the same key, and refuses the key for anything else', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    const other = await downlink.addDevice();
    const key = { idempotencyKey: 'once' };
    const same = await Promise.all(Array.from({ length: 5 }, () => queue(downlink, id, key)));
    expect(new Set(same).size).toBe(1);
    expect((await send(downlink, id, { ...key, input: { times: 2 } })).userErrors).toMatchObject([
      { code: 'CONFLICT', path: ['idempotencyKey'] },
    ]);
    expect(await queue(downlink, other, key)).not.toBe(same[0]);
  });

  it('is refused beyond the bound of the queue', async () => {
    const downlink = await open({ maxQueuedCommands: 2 });
    const id = await downlink.addDevice();
    const results = await Promise.all([1, 2, 3, 4].map((times) => send(downlink, id, { input: { times } })));
    expect(results.map(({ userErrors }) => userErrors[0]?.code).sort()).toEqual([
      'RATE_LIMITED',
      'RATE_LIMITED',
      undefined,
      undefined,
    ]);
  });
});

describe('a command', () => {
  it('goes its way to a connected device and back, each move a fact', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    const device = downlink.connect(id);
    const command = await queue(downlink, id, { input: { times: 3 }, ttlSeconds: 30 });
    await inState(downlink, command, 'DELIVERED');
    expect(device.received).toMatchObject([
      { kind: 'command', id: command, action: 'blink', input: { times: 3 }, payload: 'envelope' },
    ]);
    await downlink.answer(id, command, { state: 'EXECUTED', output: { blinked: 3 } });
    expect(await read(downlink, command)).toMatchObject({
      ...{
        state: 'EXECUTED',
        output: { blinked: 3 },
        error: null,
        note: null,
        attempts: 1,
        requestedBy: 'tester',
      },
      ...{ sentAt: expect.any(Date), deliveredAt: expect.any(Date), finishedAt: expect.any(Date) },
    });
    expect(await movesOf(downlink, command)).toEqual(['queued', 'sent', 'delivered', 'executed']);
    expect(JSON.stringify((await downlink.facts(command)).map(({ data }) => data))).not.toContain('blinked');
  });

  it('waits for a device that is away, and those of one device keep their order', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    const sent: string[] = [];
    for (const times of [1, 2, 3]) sent.push(await queue(downlink, id, { input: { times } }));
    const device = downlink.connect(id);
    await inState(downlink, sent[2] ?? '', 'DELIVERED');
    expect(device.received.map(idOf)).toEqual(sent);
  });

  it('keeps its order behind one that has to be sent again', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    let refusals = 1;
    const device = downlink.connect(id, () =>
      refusals-- > 0 ? Promise.reject(new Error('lost')) : Promise.resolve('DELIVERED'),
    );
    const one = await queue(downlink, id);
    const two = await queue(downlink, id, { input: { times: 2 } });
    await inState(downlink, two, 'DELIVERED');
    expect(device.received.map(idOf)).toEqual([one, one, two]);
    expect(await movesOf(downlink, one)).toEqual(['queued', 'sent', 'queued', 'sent', 'delivered']);
    expect(await read(downlink, one)).toMatchObject({ attempts: 2 });
  });

  it('that nobody acknowledged is sent again on the next connection, with the same id', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    const first = downlink.connect(id, () => Promise.resolve('SENT'));
    const command = await queue(downlink, id);
    const bare = await queue(downlink, id, { action: 'reset', input: null });
    await waitFor('both are sent', () => first.received.length === 2);
    await waitFor('the last attempt is settled', async () => (await read(downlink, bare)).state === 'SENT');
    first.disconnect();
    const second = downlink.connect(id);
    await inState(downlink, command, 'DELIVERED');
    expect(second.received.map(idOf)).toEqual([command]);
    expect(await read(downlink, bare)).toMatchObject({ state: 'SENT', attempts: 1 });
  });

  it('survives a process that is killed while it sends, and is sent again by the next', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    const never = new Promise<Delivery>(() => undefined);
    const lost = downlink.connect(id, () => never);
    const command = await queue(downlink, id);
    await waitFor('it is being sent', () => lost.received.length === 1);
    downlink.kill();
    const next = await open({ workspace: downlink.workspace });
    const device = next.connect(id);
    await inState(next, command, 'DELIVERED');
    expect(device.received.map(idOf)).toEqual([command]);
    expect(await read(next, command)).toMatchObject({ attempts: 2 });
  });

  it('is sent by the process that has the device, and by one of them only', async () => {
    const bus = createInProcessLiveBus();
    const one = await open({ bus });
    const other = await open({ bus, workspace: one.workspace });
    const id = await one.addDevice();
    const devices = [one.connect(id), other.connect(id)];
    const sent: string[] = [];
    for (let times = 1; times <= 10; times += 1) sent.push(await queue(one, id, { input: { times } }));
    await inState(one, sent[9] ?? '', 'DELIVERED');
    const received = devices.flatMap((device) => device.received.map(idOf));
    expect(received.sort()).toEqual([...sent].sort());
  });
});

describe('an answer', () => {
  it('that fails the command keeps its error', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    const command = await queue(downlink, id);
    await downlink.answer(id, command, { state: 'FAILED', error: { code: 7, message: 'no bulb' } });
    expect(await read(downlink, command)).toMatchObject({
      state: 'FAILED',
      error: '{"code":7,"message":"no bulb"}',
    });
  });

  it('with an output that does not fit is kept with a note', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    const command = await queue(downlink, id);
    await downlink.answer(id, command, { state: 'EXECUTED', output: { blinked: 'often' } });
    expect(await read(downlink, command)).toMatchObject({
      ...{ state: 'EXECUTED', output: { blinked: 'often' } },
      note: expect.stringContaining('output.blinked must be integer'),
    });
  });

  it('that is repeated or contradicts an earlier changes nothing', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    const command = await queue(downlink, id);
    await downlink.answer(id, command, { state: 'DELIVERED' });
    await downlink.answer(id, command, { state: 'EXECUTED', output: { blinked: 1 } });
    for (const state of ['EXECUTED', 'FAILED', 'DELIVERED']) await downlink.answer(id, command, { state });
    expect(await read(downlink, command)).toMatchObject({
      state: 'EXECUTED',
      output: { blinked: 1 },
      note: null,
    });
    expect(await movesOf(downlink, command)).toEqual(['queued', 'delivered', 'executed']);
  });

  it('of another device, to no command, and in no known form is refused', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    const other = await downlink.addDevice();
    const command = await queue(downlink, id);
    await expect(downlink.answer(other, command, { state: 'EXECUTED' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(downlink.answer(id, 'cmd_none', { state: 'EXECUTED' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(downlink.answer(id, command, { state: 'DONE' })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
    });
    expect(await read(downlink, command)).toMatchObject({ state: 'QUEUED' });
  });
});

describe('the end of waiting', () => {
  it('comes by the clock, also for what was queued by a process that is gone', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    const command = await queue(downlink, id, { ttlSeconds: 1 });
    await downlink.close();
    const next = await open({ workspace: downlink.workspace });
    await inState(next, command, 'EXPIRED');
    expect(await movesOf(next, command)).toEqual(['queued', 'expired']);
    const device = next.connect(id);
    const later = await queue(next, id, { input: { times: 2 } });
    await inState(next, later, 'DELIVERED');
    expect(device.received.map(idOf)).toEqual([later]);
  });

  it('is not undone by an answer, which is noted', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    downlink.connect(id);
    const command = await queue(downlink, id, { ttlSeconds: 1 });
    await inState(downlink, command, 'EXPIRED');
    await downlink.answer(id, command, { state: 'EXECUTED', output: { blinked: 1 } });
    expect(await read(downlink, command)).toMatchObject({
      ...{ state: 'EXPIRED', output: { blinked: 1 } },
      note: expect.stringMatching(/answered EXECUTED at .*, after it was EXPIRED/),
    });
  });
});

describe('cancelling', () => {
  const cancel = ({ commands, request }: TestDownlink, id: string) => commands.cancel({ id }, request);

  it('takes back what waits, and twice is as good as once', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    const command = await queue(downlink, id);
    expect(await cancel(downlink, command)).toMatchObject({
      command: { state: 'CANCELLED' },
      userErrors: [],
    });
    expect((await cancel(downlink, command)).userErrors).toEqual([]);
    const device = downlink.connect(id);
    const next = await queue(downlink, id, { input: { times: 2 } });
    await inState(downlink, next, 'DELIVERED');
    expect(device.received.map(idOf)).toEqual([next]);
  });

  it('is refused for what the device has, and for what is not there', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    downlink.connect(id);
    const command = await queue(downlink, id);
    await inState(downlink, command, 'DELIVERED');
    expect(await cancel(downlink, command)).toMatchObject({
      ...{ command: { state: 'DELIVERED' }, userErrors: [{ code: 'CONFLICT' }] },
    });
    expect((await cancel(downlink, 'cmd_none')).userErrors).toMatchObject([{ code: 'NOT_FOUND' }]);
  });

  it('while it is sent leaves it cancelled, whatever the device says then', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    let acknowledge: (delivery: Delivery) => void = () => undefined;
    const taken = new Promise<Delivery>((resolve) => (acknowledge = resolve));
    const device = downlink.connect(id, () => taken);
    const command = await queue(downlink, id);
    await waitFor('it is being sent', () => device.received.length === 1);
    expect(await cancel(downlink, command)).toMatchObject({ command: { state: 'CANCELLED' } });
    acknowledge('DELIVERED');
    await downlink.answer(id, command, { state: 'FAILED', error: 'too late' });
    expect(await read(downlink, command)).toMatchObject({
      ...{ state: 'CANCELLED', error: 'too late', note: expect.stringContaining('answered FAILED') },
    });
  });

  it('and delivery at the same moment agree on one end', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    const commands: string[] = [];
    for (let times = 1; times <= 10; times += 1)
      commands.push(await queue(downlink, id, { input: { times } }));
    const device = downlink.connect(id);
    const outcomes = await Promise.all(commands.map((command) => cancel(downlink, command)));
    await waitFor('nothing waits', async () => {
      const states = await Promise.all(
        commands.map(async (command) => (await read(downlink, command)).state),
      );
      return states.every((state) => state === 'CANCELLED' || state === 'DELIVERED');
    });
    const moves = await Promise.all(commands.map((command) => movesOf(downlink, command)));
    for (const [index, command] of commands.entries()) {
      const cancelled = outcomes[index]?.userErrors.length === 0;
      expect(moves[index]?.at(-1)).toBe(cancelled ? 'cancelled' : 'delivered');
      if (!moves[index]?.includes('sent')) expect(device.received.map(idOf)).not.toContain(command);
    }
  });
});

describe('following a command', () => {
  it('begins with what it is, tells each move, and ends with the last', async () => {
    const downlink = await open();
    const id = await downlink.addDevice();
    const command = await queue(downlink, id);
    const progress = downlink.commands.openProgress(downlink.workspace, command);
    const next = async () => (await progress.next()).value?.state;
    expect(await next()).toBe('QUEUED');
    await downlink.answer(id, command, { state: 'DELIVERED' });
    expect(await next()).toBe('DELIVERED');
    await downlink.answer(id, command, { state: 'EXECUTED', output: { blinked: 1 } });
    expect(await next()).toBe('EXECUTED');
    expect(await next()).toBeUndefined();
  });

  it('is refused for what is not there', async () => {
    const downlink = await open();
    const progress = downlink.commands.openProgress(downlink.workspace, 'cmd_none');
    await expect(progress.next()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
