import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { openDevices, type TestDevices } from '../support/open-devices.js';

let database: Database;
let devices: TestDevices;
let statements = 0;

beforeAll(async () => {
  database = await openTestDatabase({
    onStatement: () => {
      statements += 1;
    },
  });
  devices = await openDevices({ database });
});

afterAll(async () => {
  await devices.close();
  await database.close();
});

const PROFILE_FIELDS = `name version title source deprecatedAt
  properties { name type unit states calibration { gain offset } writable }
  actions { name input timeoutSeconds payload } events { name data } codec { kind expression property }`;
const DEFINE = `mutation ($input: DefineDeviceProfileInput!) {
  defineDeviceProfile(input: $input) { profile { ${PROFILE_FIELDS} } userErrors { code message path } }
}`;
const REGISTER = `mutation ($input: RegisterDeviceInput!) {
  registerDevice(input: $input) {
    device { id profile { name version } metrics { name unit type states calibration { gain offset calibratedAt } } }
    userErrors { code message path }
  }
}`;
const UPDATE = `mutation ($input: UpdateDeviceInput!) {
  updateDevice(input: $input) {
    device { id profile { name version } metrics { name unit calibration { gain offset } } }
    userErrors { code message path }
  }
}`;
const CALIBRATE = `mutation ($input: CalibrateDeviceInput!) {
  calibrateDevice(input: $input) {
    device { metrics { name calibration { gain offset calibratedAt } } }
    userErrors { code message path }
  }
}`;
const LATEST = `query ($id: ID!) { device(id: $id) { latest { metric value unit state } } }`;

const BOILER = {
  name: 'boiler',
  title: 'Boiler',
  properties: [
    { name: 'water', unit: 'Cel', minimum: 0, maximum: 120 },
    { name: 'mode', type: 'STATE', states: ['OFF', 'HEATING', 'FAULT'] },
    { name: 'burning', type: 'BOOLEAN' },
  ],
  actions: [{ name: 'heat', input: { type: 'object' }, payload: 'INPUT' }],
  events: [{ name: 'flame-out' }],
};

const define = async (input: object) => (await devices.ask(DEFINE, { input })).defineDeviceProfile;

async function register(input: object) {
  const { registerDevice } = await devices.ask(REGISTER, { input });
  if (!registerDevice.device) throw new Error(JSON.stringify(registerDevice.userErrors));
  return registerDevice.device;
}

const latest = async (id: string) =>
  Object.fromEntries(
    (await devices.ask(LATEST, { id })).device?.latest.map((one) => [one.metric, one]) ?? [],
  );

async function post(device: string, body: string): Promise<unknown> {
  const response = await fetch(`${devices.ingestUrl}/${device}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  return response.json();
}

describe('profiles', () => {
  it('are of the catalogue from the first start', async () => {
    const { deviceProfiles } = await devices.ask(
      '{ deviceProfiles(first: 2) { edges { node { name version source } cursor } pageInfo { hasNextPage endCursor } } }',
    );
    expect(deviceProfiles.edges.map(({ node }) => node)).toEqual([
      { name: 'gps-tracker', version: 1, source: 'CATALOGUE' },
      { name: 'host', version: 1, source: 'CATALOGUE' },
    ]);
    expect(deviceProfiles.pageInfo.hasNextPage).toBe(true);
    const next = await devices.ask(
      'query ($after: String!) { deviceProfiles(after: $after) { edges { node { name } } pageInfo { hasNextPage } } }',
      { after: deviceProfiles.pageInfo.endCursor },
    );
    expect(next.deviceProfiles.edges.map(({ node }) => node.name)).toEqual([
      'power-meter',
      'temperature-humidity',
      'vibration',
    ]);
    expect(next.deviceProfiles.pageInfo.hasNextPage).toBe(false);
  });

  it('are defined in versions that never change', async () => {
    const first = await define(BOILER);
    expect(first.userErrors).toEqual([]);
    expect(first.profile).toMatchObject({
      ...{ name: 'boiler', version: 1, source: 'WORKSPACE', deprecatedAt: null },
      actions: [{ name: 'heat', timeoutSeconds: 60, payload: 'INPUT' }],
      codec: { kind: 'JSON', expression: null, property: null },
    });
    expect((await define(BOILER)).profile?.version).toBe(1);
    expect((await define({ ...BOILER, title: 'Boiler of hot water' })).profile?.version).toBe(2);
    const both = await Promise.all([
      define({ ...BOILER, title: 'one' }),
      define({ ...BOILER, title: 'other' }),
    ]);
    expect(both.map(({ profile }) => profile?.version).sort()).toEqual([3, 4]);

    const { deviceProfileVersions, deviceProfile } = await devices.ask(`{
      deviceProfileVersions(name: "boiler") { edges { node { version title } } }
      deviceProfile(name: "boiler", version: 1) { title thingModel }
    }`);
    expect(deviceProfileVersions.edges.map(({ node }) => node.version)).toEqual([4, 3, 2, 1]);
    expect(deviceProfile?.title).toBe('Boiler');
    expect(deviceProfile?.thingModel).toMatchObject({
      '@type': 'tm:ThingModel',
      properties: {
        water: { type: 'number', unit: 'Cel', maximum: 120 },
        mode: { enum: BOILER.properties[1]?.states },
      },
      actions: { heat: { input: { type: 'object' } } },
    });
  });

  it('are refused with everything that is wrong, and with a name of the catalogue', async () => {
    const { profile, userErrors } = await define({
      ...{ name: 'kettle', title: 'Kettle' },
      properties: [{ name: '1st', unit: '°C' }],
      codec: { kind: 'JSONATA', expression: '{' },
    });
    expect(profile).toBeNull();
    expect(userErrors.map(({ path }) => path.join('.'))).toEqual(['properties.0.name']);
    expect((await define({ ...BOILER, name: 'host' })).userErrors).toMatchObject([
      { code: 'CONFLICT', path: ['name'] },
    ]);
  });

  it('are deprecated, and then not taken for new devices by themselves', async () => {
    await define({ ...BOILER, name: 'pump' });
    await define({ ...BOILER, name: 'pump', title: 'Pump' });
    const deprecate = (version: number, deprecated = true) =>
      devices.ask(
        `mutation ($input: DeprecateDeviceProfileInput!) {
          deprecateDeviceProfile(input: $input) { profile { deprecatedAt } userErrors { code } }
        }`,
        { input: { name: 'pump', version, deprecated } },
      );
    expect((await deprecate(2)).deprecateDeviceProfile.profile?.deprecatedAt).toBeTruthy();
    expect((await register({ name: 'pump-1', profile: 'pump' })).profile).toEqual({
      name: 'pump',
      version: 1,
    });
    await deprecate(2, false);
    expect((await register({ name: 'pump-2', profile: 'pump' })).profile).toEqual({
      name: 'pump',
      version: 2,
    });
    expect((await deprecate(9)).deprecateDeviceProfile.userErrors).toMatchObject([{ code: 'NOT_FOUND' }]);
  });
});

describe('a device of a profile', () => {
  it('has its properties as metrics, before its own, and its capabilities', async () => {
    await define({ ...BOILER, name: 'kettle' });
    const device = await register({
      ...{ name: 'kettle-1', profile: 'kettle', profileVersion: 1 },
      metrics: [{ name: 'lid', unit: '1' }],
    });
    expect(device.metrics.map(({ name }) => name)).toEqual(['water', 'mode', 'burning', 'lid']);
    const found = await devices.ask(
      `query ($id: ID!) { device(id: $id) {
        capabilities { properties { name type } actions { name payload } events { name } }
      } }`,
      { id: device.id },
    );
    expect(found.device?.capabilities).toMatchObject({
      properties: [{ name: 'water' }, { name: 'mode', type: 'STATE' }, { name: 'burning' }, { name: 'lid' }],
      actions: [{ name: 'heat', payload: 'INPUT' }],
      events: [{ name: 'flame-out' }],
    });
  });

  it.each<[string, object, object]>([
    ['a profile that is none', { profile: 'nothing' }, { code: 'NOT_FOUND', path: ['profile'] }],
    [
      'a version that is none',
      { profile: 'host', profileVersion: 9 },
      { code: 'NOT_FOUND', path: ['profileVersion'] },
    ],
    ['a version alone', { profileVersion: 1, metrics: [{ name: 'a' }] }, { path: ['profileVersion'] }],
    ['neither a profile nor metrics', {}, { path: ['metrics'] }],
    [
      'a metric that the profile has',
      { profile: 'host', metrics: [{ name: 'cpu.user' }] },
      { path: ['metrics', '0', 'name'] },
    ],
  ])('is refused with %s', async (_what, input, error) => {
    const { registerDevice } = await devices.ask(REGISTER, { input: { name: 'refused', ...input } });
    expect(registerDevice.userErrors).toMatchObject([error]);
  });

  it('moves to another version, with its own metrics and its calibration', async () => {
    await define({ ...BOILER, name: 'tank' });
    const { id } = await register({ name: 'tank-1', profile: 'tank', metrics: [{ name: 'own', unit: 'm' }] });
    await devices.ask(CALIBRATE, { input: { id, metric: 'water', calibration: { offset: -0.5 } } });
    await define({
      ...BOILER,
      name: 'tank',
      properties: [...BOILER.properties.slice(0, 1), { name: 'level', unit: '%' }],
    });
    const { updateDevice } = await devices.ask(UPDATE, { input: { id, profileVersion: 2 } });
    expect(updateDevice.device).toMatchObject({
      profile: { name: 'tank', version: 2 },
      metrics: [
        { name: 'water', calibration: { gain: 1, offset: -0.5 } },
        { name: 'level', calibration: { offset: 0 } },
        { name: 'own', unit: 'm' },
      ],
    });
    const taken = await devices.ask(UPDATE, { input: { id, metrics: [{ name: 'level' }] } });
    expect(taken.updateDevice.userErrors).toMatchObject([{ path: ['metrics', '0', 'name'] }]);
    const without = await devices.ask(UPDATE, { input: { id, metrics: [] } });
    expect(without.updateDevice.device?.metrics.map(({ name }) => name)).toEqual(['water', 'level']);
  });

  it('gives states by their names, converts units and refuses what is out of range after that', async () => {
    await define({ ...BOILER, name: 'heater' });
    const { id } = await register({ name: 'heater-1', profile: 'heater' });
    const entry = { units: { water: '[degF]' }, values: { water: 122, mode: 'heating', burning: 'ON' } };
    expect(await devices.send(id, entry)).toEqual({ accepted: 3, repeated: 0 });
    expect(await latest(id)).toMatchObject({
      water: { value: 50, unit: 'Cel', state: null },
      mode: { value: 1, state: 'HEATING' },
      burning: { value: 1, state: 'true' },
    });
    expect(await devices.send(id, { ...entry, values: { water: 300 } })).toMatchObject({
      error: { code: 'BAD_USER_INPUT' },
    });
  });

  it('is calibrated, from the next reading on', async () => {
    const { id } = await register({ name: 'calibrated', profile: 'temperature-humidity' });
    await devices.send(id, { temperature: 20 });
    const { calibrateDevice } = await devices.ask(CALIBRATE, {
      input: { id, metric: 'temperature', calibration: { gain: 1.1, offset: -1 } },
    });
    expect(calibrateDevice.device?.metrics[0]?.calibration).toMatchObject({ gain: 1.1, offset: -1 });
    expect(calibrateDevice.device?.metrics[0]?.calibration.calibratedAt).toBeTruthy();
    await devices.send(id, { temperature: 20 });
    expect((await latest(id))['temperature']?.value).toBe(21);
    await devices.ask(CALIBRATE, { input: { id, metric: 'temperature', calibration: null } });
    await devices.send(id, { temperature: 20 });
    expect((await latest(id))['temperature']?.value).toBe(20);
  });

  it.each<[string, object, object]>([
    ['a metric that is none', { metric: 'nothing' }, { code: 'NOT_FOUND', path: ['metric'] }],
    ['a gain of 0', { metric: 'power', calibration: { gain: 0 } }, { path: ['calibration', 'gain'] }],
    ['a yes or no', { metric: 'relay', calibration: { gain: 2 } }, { path: ['calibration'] }],
  ])('is not calibrated with %s', async (what, input, error) => {
    const { id } = await register({ name: what.replaceAll(' ', '-'), profile: 'power-meter' });
    const { calibrateDevice } = await devices.ask(CALIBRATE, { input: { id, ...input } });
    expect(calibrateDevice.userErrors).toMatchObject([error]);
  });

  it('speaks by the codec of its profile where a message does not say', async () => {
    await define({ ...BOILER, name: 'plain', codec: { kind: 'PLAIN_NUMBER', property: 'mode' } });
    const plain = await register({ name: 'plain-1', profile: 'plain' });
    expect(await post(plain.id, ' FAULT\n')).toMatchObject({ accepted: 1 });
    expect((await latest(plain.id))['mode']?.state).toBe('FAULT');

    const expression = '{ "water": payload.t_c, "burning": payload.flame }';
    await define({ ...BOILER, name: 'foreign', codec: { kind: 'JSONATA', expression } });
    const foreign = await register({ name: 'foreign-1', profile: 'foreign' });
    expect(await post(foreign.id, '{"payload":{"t_c":60,"flame":true}}')).toMatchObject({
      accepted: 2,
    });
    expect(await latest(foreign.id)).toMatchObject({ water: { value: 60 }, burning: { value: 1 } });
  });

  it('is read with its profile in a constant number of statements', async () => {
    const ids: string[] = [];
    for (let index = 0; index < 20; index += 1)
      ids.push((await register({ name: `many-${index}`, profile: index % 2 === 0 ? 'boiler' : 'host' })).id);
    const query = `query ($representations: [_Any!]!) {
      _entities(representations: $representations) {
        ... on Device { profile { name version } capabilities { properties { name } actions { name } } }
      }
    }`;
    const count = async (some: readonly string[]) => {
      statements = 0;
      const representations = some.map((id) => ({ __typename: 'Device', id }));
      const { _entities } = await devices.ask(query, { representations });
      expect(_entities.every((device) => device?.profile)).toBe(true);
      return statements;
    };
    // What goes on beside it asks the database as well: the least of several counts is that of the query alone.
    const least = async (some: readonly string[]) =>
      Math.min(await count(some), await count(some), await count(some));
    expect(await least(ids)).toBe(await least(ids.slice(0, 2)));
    expect(await least(ids)).toBeLessThanOrEqual(3);
  });
});
