import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { postTelemetry } from '../support/identity.js';
import { connectMqtt, firstOf, gather } from '../support/mqtt.js';
import { openDevices, type TestDevices } from '../support/open-devices.js';

const opened = createOpened();
const openedByTest = createOpened();
let database: Database;
let devices: TestDevices;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
beforeEach(async () => {
  devices = openedByTest.keep(await openDevices({ database, identify: () => undefined }));
});
afterEach(openedByTest.close);

const CREATE = `mutation ($input: CreateClaimCodesInput!) { createClaimCodes(input: $input) {
  claimCodes { id lastFour profile uses maxUses namePrefix labels { key value } }
  codes userErrors { code path } } }`;
/** Source: MQTT 3.1.1, §3.2.2.3. */
const SERVER_UNAVAILABLE = 3;
const NOT_AUTHORIZED = 5;
const LIST = '{ claimCodes(first: 10) { edges { node { id uses revokedAt } } } }';

async function makeCodes(input: Readonly<Record<string, unknown>> = {}) {
  const { createClaimCodes } = await devices.ask(CREATE, {
    input: { profile: 'temperature-humidity', ...input },
  });
  return createClaimCodes;
}

async function provision(
  body: unknown,
): Promise<{ readonly status: number; readonly answer: Record<string, string> }> {
  const response = await fetch(devices.ingestUrl.replace(/ingest$/, 'provision'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, answer: (await response.json()) as Record<string, string> };
}

describe('claim codes', () => {
  it('are traded over HTTP for a registered device and a token that is good at once', async () => {
    const made = await makeCodes({ namePrefix: 'hall', labels: [{ key: 'site', value: 'north' }] });
    const [code = ''] = made.codes;
    expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
    expect(made.claimCodes).toMatchObject([
      { lastFour: code.slice(-4), uses: 0, maxUses: 1, namePrefix: 'hall' },
    ]);
    const { status, answer } = await provision({ code });
    expect(status).toBe(201);
    expect(answer).toMatchObject({
      workspace: devices.workspace,
      name: expect.stringMatching(/^hall-[0-9a-f]{8}$/),
    });
    const { token = '', deviceId = '', name = '' } = answer;
    expect(await postTelemetry(devices, name, { authorization: `Bearer ${token}` })).toBe(200);
    const { device } = await devices.ask(
      'query ($id: ID!) { device(id: $id) { name labels { key value } credentials { kind label } } }',
      { id: deviceId },
    );
    expect(device).toMatchObject({
      ...{ name, labels: [{ key: 'site', value: 'north' }] },
      credentials: [{ kind: 'TOKEN', label: 'provisioned by claim code' }],
    });
  });

  it('are taken as people type them', async () => {
    const [code = ''] = (await makeCodes()).codes;
    const typed = ` ${code.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')} `;
    expect((await provision({ code: typed, name: 'typed' })).answer).toMatchObject({ name: 'typed' });
  });

  it('make exactly as many devices as they may, whoever comes at the same moment', async () => {
    const [code = ''] = (await makeCodes({ maxUses: 3 })).codes;
    const answers = await Promise.all(Array.from({ length: 8 }, () => provision({ code })));
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([
      201,
      201,
      201,
      ...Array(5).fill(403),
    ]);
    const { client } = database.inWorkspace(devices.workspace);
    expect(await client.device.count()).toBe(3);
    expect(await client.deviceCredential.count()).toBe(3);
    expect((await devices.ask(LIST)).claimCodes.edges).toMatchObject([{ node: { uses: 3 } }]);
  });

  it('stay good when the name that is asked for is taken or wrong', async () => {
    const [code = ''] = (await makeCodes()).codes;
    await devices.register('taken');
    expect((await provision({ code, name: 'taken' })).status).toBe(409);
    expect((await provision({ code, name: 'no spaces please' })).status).toBe(400);
    expect((await provision({ code, name: 'free' })).status).toBe(201);
  });

  it('give no name by which a device would stand before others or behind one', async () => {
    const [code = ''] = (await makeCodes({ namePrefix: 'berlin.sensors' })).codes;
    await devices.register('berlin');
    await devices.register('oslo.boiler.pump');
    for (const name of ['berlin.boiler', 'berlin.x.y', 'oslo', 'oslo.boiler'])
      expect([name, (await provision({ code, name })).status]).toEqual([name, 409]);
    // What whoever made the code wants is another matter.
    expect((await provision({ code })).answer['name']).toMatch(/^berlin[.]sensors-/);
    const [next = ''] = (await makeCodes()).codes;
    expect((await provision({ code: next, name: 'berlin-2' })).status).toBe(201);
  });

  it('are refused once they are revoked, and as anything else', async () => {
    const { claimCodes, codes } = await makeCodes();
    await devices.ask('mutation ($id: ID!) { revokeClaimCode(input: { id: $id }) { userErrors { code } } }', {
      id: claimCodes[0]?.id,
    });
    expect((await provision({ code: codes[0] })).status).toBe(403);
    expect((await provision({ code: 'AAAA-AAAA-AAAA-AAAA' })).status).toBe(403);
    expect((await provision({})).status).toBe(400);
    expect((await devices.ask(LIST)).claimCodes.edges[0]?.node.revokedAt).toEqual(expect.any(String));
  });

  it('cannot be guessed at will', async () => {
    for (let guess = 0; guess < 20; guess += 1) await provision({ code: `AAAA-AAAA-AAAA-${1_000 + guess}` });
    const [code = ''] = (await makeCodes()).codes;
    expect((await provision({ code })).status).toBe(429);
  });

  it('are traded over MQTT, where the answer goes to that client alone', async () => {
    const [code = ''] = (await makeCodes()).codes;
    const client = await connectMqtt(devices.mqttUrl, { username: 'claim', password: code });
    openedByTest.keep({ close: () => client.endAsync(true) });
    await expect(client.subscribeAsync(`aegis/${devices.workspace}/#`)).rejects.toThrow();
    await client.publishAsync('aegis/claim', '', { qos: 1 });
    const received = await gather(client, 'aegis/claim/answer');
    await client.publishAsync('aegis/claim', '{"name": "by-mqtt"}', { qos: 1 });
    const { payload } = await firstOf(received);
    expect(payload).toMatchObject({ workspace: devices.workspace, name: 'by-mqtt' });
    const { token } = payload as { readonly token: string };
    expect(await postTelemetry(devices, 'by-mqtt', { authorization: `Bearer ${token}` })).toBe(200);
  });

  it('tell over MQTT what is wrong with a code by the time it is traded', async () => {
    const [code = ''] = (await makeCodes()).codes;
    const client = await connectMqtt(devices.mqttUrl, { username: 'claim', password: code });
    openedByTest.keep({ close: () => client.endAsync(true) });
    expect((await provision({ code })).status).toBe(201);
    const received = await gather(client, 'aegis/claim/answer');
    await client.publishAsync('aegis/claim', '', { qos: 1 });
    expect((await firstOf(received)).payload).toMatchObject({ code: 'FORBIDDEN' });
  });

  it('let nobody in over MQTT who has none that is good, and count that as a failed attempt', async () => {
    const [code = ''] = (await makeCodes()).codes;
    const connectAs = (password: string) => connectMqtt(devices.mqttUrl, { username: 'claim', password });
    for (let guess = 0; guess < 20; guess += 1)
      await expect(connectAs(`nonsense ${guess}`)).rejects.toMatchObject({ code: NOT_AUTHORIZED });
    await expect(connectAs(code)).rejects.toMatchObject({ code: SERVER_UNAVAILABLE });
    expect((await provision({ code })).status).toBe(429);
    const { protocols } = await devices.ask('{ protocols { name refused } }');
    expect(protocols).toContainEqual({ name: 'embedded MQTT broker', refused: 20 });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['a profile that is not there', { profile: 'nothing' }, 'profile'],
    ['none of them', { count: 0 }, 'count'],
    ['too many uses', { maxUses: 1_000_000 }, 'maxUses'],
    ['an end in the past', { expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'],
    ['a prefix with spaces', { namePrefix: 'a b' }, 'namePrefix'],
  ])('refuse %s', async (_what, input, field) => {
    const { userErrors, codes } = await makeCodes(input);
    expect([codes, userErrors[0]?.path[0]]).toEqual([[], field]);
  });
});
