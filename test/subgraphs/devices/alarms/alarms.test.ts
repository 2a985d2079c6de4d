import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { waitFor } from '../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { openDevices, type TestDevices } from '../support/open-devices.js';
import {
  ALARM_FIELDS,
  followAlarms,
  listAlarms,
  makeRule,
  tryRule,
  untilAlarms,
  type AlarmEvents,
} from './support/alarm-rig.js';

const opened = createOpened();
const openedByTest = createOpened();
let database: Database;
let devices: TestDevices;
let id: string;

const ENV = { AEGIS_ALARM_GRACE_SECONDS: '0' };
const FIRST_AT_MS = Date.UTC(2026, 0, 1);
const HOT = { name: 'hot', condition: { threshold: { metric: 'temperature', above: 30, deadband: 2 } } };

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
beforeEach(async () => {
  devices = openedByTest.keep(await openDevices({ database, env: ENV }));
  id = await devices.register('boiler', ['temperature', 'humidity', 'latitude', 'longitude']);
});
afterEach(openedByTest.close);

/** Sends values of one metric, each as seconds after the beginning and value. */
async function send(readings: readonly (readonly [number, number])[], metric = 'temperature'): Promise<void> {
  const entries = readings.map(([second, value]) => ({
    ts: FIRST_AT_MS + second * 1_000,
    values: { [metric]: value },
  }));
  expect(await devices.send(id, entries)).toMatchObject({ accepted: entries.length });
}

async function follow(variables: object = {}): Promise<AlarmEvents> {
  return openedByTest.keep(await followAlarms(devices, variables));
}

/** A rule looks at what is committed once it is at work: a second one that raises at once tells when. */
async function untilAtWork(): Promise<void> {
  let second = -1_000_000;
  await makeRule(devices, {
    name: 'probe',
    severity: 'INDETERMINATE',
    condition: { threshold: { metric: 'humidity', above: -1 } },
  });
  await waitFor('the rules are at work', async () => {
    second += 1;
    await send([[second, 1]], 'humidity');
    return (await listAlarms(devices, {})).some(({ ruleName }) => ruleName === 'probe');
  });
}

describe('alarms over GraphQL', () => {
  it('are raised, acknowledged and cleared, each move as a fact that is streamed', async () => {
    const ruleId = await makeRule(devices, HOT);
    await untilAtWork();
    const events = await follow({ filter: { ruleIds: [ruleId] } });
    const first = events.next();
    await send([
      [0, 20],
      [1, 31],
      [2, 35],
      [3, 29],
    ]);
    const raised = await first;
    expect(raised).toMatchObject({
      gap: false,
      change: 'RAISED',
      alarm: {
        ...{ ruleName: 'hot', state: 'RAISED', severity: 'MAJOR', deviceId: id, device: { name: 'boiler' } },
        ...{ metric: 'temperature', value: 31, unit: 'Cel', message: 'temperature is 31 Cel, above 30' },
        ...{ occurredAt: '2026-01-01T00:00:01.000Z', acknowledgedAt: null, clearedAt: null },
      },
    });
    const { acknowledgeAlarm } = await devices.ask(
      `mutation ($id: ID!) { acknowledgeAlarm(input: { id: $id, note: "on my way" }) {
        alarm { ${ALARM_FIELDS} } userErrors { code } } }`,
      { id: raised.alarm.id },
    );
    expect(acknowledgeAlarm).toMatchObject({
      alarm: { state: 'ACKNOWLEDGED', acknowledgedBy: 'test', acknowledgeNote: 'on my way' },
      userErrors: [],
    });
    expect(await events.next()).toMatchObject({ change: 'ACKNOWLEDGED', alarm: { id: raised.alarm.id } });
    // 29 is within the deadband; 28 is not outside of it any more.
    await send([[4, 28]]);
    expect(await events.next()).toMatchObject({
      change: 'CLEARED',
      alarm: { id: raised.alarm.id, state: 'CLEARED', clearReason: 'CONDITION_ENDED' },
    });
    await send([[5, 40]]);
    const again = await events.next();
    expect(again).toMatchObject({ change: 'RAISED', alarm: { value: 40 } });
    expect(again.alarm.id).not.toBe(raised.alarm.id);
    const replay = await follow({ filter: { ruleIds: [ruleId] }, after: raised.cursor });
    const missed = [await replay.next(), await replay.next(), await replay.next()];
    expect(missed.map(({ change }) => change)).toEqual(['ACKNOWLEDGED', 'CLEARED', 'RAISED']);
    expect(missed.some(({ gap }) => gap)).toBe(false);
  });

  it('are followed from a list on, with nothing lost in between', async () => {
    const ruleId = await makeRule(devices, HOT);
    await untilAtWork();
    const { alarms } = await devices.ask('{ alarms(first: 1) { movesCursor } }', {});
    await send([[0, 31]]);
    await untilAlarms(devices, 1, { ruleIds: [ruleId] });
    const events = await follow({ filter: { ruleIds: [ruleId] }, after: alarms.movesCursor });
    expect(await events.next()).toMatchObject({ gap: false, change: 'RAISED', alarm: { value: 31 } });
  });

  it('are listed with counts by severity, in pages, and on their device', async () => {
    await makeRule(devices, HOT);
    await makeRule(devices, {
      name: 'very hot',
      severity: 'CRITICAL',
      condition: { threshold: { metric: 'temperature', above: 60 } },
    });
    await untilAtWork();
    await send([
      [1, 31],
      [2, 61],
    ]);
    await untilAlarms(devices, 2, { severities: ['MAJOR', 'CRITICAL'], deviceIds: [id], states: ['RAISED'] });
    const { alarmCounts, device, alarms } = await devices.ask(
      `query ($id: ID!) {
        alarmCounts(filter: { deviceIds: [$id] }) { severity raised acknowledged cleared }
        device(id: $id) { alarms(first: 2) { ruleName } }
        alarms(first: 1, orderBy: SEVERITY) { edges { cursor node { ruleName rule { name openAlarms } } } pageInfo { hasNextPage endCursor } }
      }`,
      { id },
    );
    expect(alarmCounts.slice(0, 2)).toEqual([
      { severity: 'CRITICAL', raised: 1, acknowledged: 0, cleared: 0 },
      { severity: 'MAJOR', raised: 1, acknowledged: 0, cleared: 0 },
    ]);
    expect(device?.alarms).toHaveLength(2);
    expect(alarms).toMatchObject({
      edges: [{ node: { ruleName: 'very hot', rule: { name: 'very hot', openAlarms: 1 } } }],
      pageInfo: { hasNextPage: true },
    });
    const next = await devices.ask(
      `query ($after: String) { alarms(first: 10, orderBy: SEVERITY, after: $after) { edges { node { ruleName } } } }`,
      { after: alarms.pageInfo.endCursor },
    );
    expect(next.alarms.edges.map(({ node }) => node.ruleName).sort()).toEqual(['hot', 'probe']);
  });

  it('cleared by hand stay quiet until their condition has ended once', async () => {
    const ruleId = await makeRule(devices, HOT);
    await untilAtWork();
    await send([[1, 31]]);
    const [alarm] = await untilAlarms(devices, 1, { ruleIds: [ruleId] });
    const CLEAR = `mutation ($id: ID!) { clearAlarm(input: { id: $id }) {
      alarm { state clearReason clearedBy } userErrors { code path } } }`;
    const { clearAlarm } = await devices.ask(CLEAR, { id: alarm?.id });
    expect(clearAlarm).toEqual({
      alarm: { state: 'CLEARED', clearReason: 'BY_HAND', clearedBy: 'test' },
      userErrors: [],
    });
    expect((await devices.ask(CLEAR, { id: alarm?.id })).clearAlarm.userErrors).toEqual([
      { code: 'CONFLICT', path: ['id'] },
    ]);
    await send([
      [2, 32],
      [3, 20],
      [4, 33],
    ]);
    const alarms = await untilAlarms(devices, 2, { ruleIds: [ruleId] });
    expect(alarms.map(({ value }) => value)).toEqual([33, 31]);
  });

  it('end when their rule changes, is disabled or removed, or its device goes', async () => {
    const kept = await makeRule(devices, { ...HOT, name: 'kept' });
    const changed = await makeRule(devices, { ...HOT, name: 'changed' });
    const removed = await makeRule(devices, { ...HOT, name: 'removed' });
    await untilAtWork();
    await send([[1, 31]]);
    await untilAlarms(devices, 3, { ruleIds: [kept, changed, removed], states: ['RAISED'] });
    const UPDATE = `mutation ($input: UpdateAlarmRuleInput!) { updateAlarmRule(input: $input) {
      alarmRule { version severity description } userErrors { message } } }`;
    const { updateAlarmRule } = await devices.ask(UPDATE, {
      input: { id: kept, severity: 'MINOR', description: 'softer' },
    });
    expect(updateAlarmRule).toEqual({
      alarmRule: { version: 2, severity: 'MINOR', description: 'softer' },
      userErrors: [],
    });
    await devices.ask(UPDATE, {
      input: { id: changed, condition: { threshold: { metric: 'temperature', above: 50 } } },
    });
    await devices.ask('mutation ($id: ID!) { removeAlarmRule(input: { id: $id }) { alarmRuleId } }', {
      id: removed,
    });
    const cleared = await untilAlarms(devices, 2, { severities: ['MAJOR'], states: ['CLEARED'] });
    expect(cleared.map(({ ruleName, clearReason }) => [ruleName, clearReason]).sort()).toEqual([
      ['changed', 'RULE_CHANGED'],
      ['removed', 'DEVICE_LEFT'],
    ]);
    expect(await listAlarms(devices, { ruleIds: [kept], states: ['RAISED'] })).toMatchObject([
      { severity: 'MAJOR' },
    ]);
    await devices.ask('mutation ($id: ID!) { removeDevice(input: { id: $id }) { deviceId } }', { id });
    const [gone] = await untilAlarms(devices, 1, { ruleIds: [kept], states: ['CLEARED'] });
    expect(gone).toMatchObject({ clearReason: 'DEVICE_LEFT', device: null, deviceId: id });
  });

  it('are raised when data stops, and cleared when it comes back', async () => {
    await makeRule(devices, {
      name: 'silent',
      condition: { noData: { metric: 'temperature', windowMs: 1_000 } },
    });
    const [alarm] = await untilAlarms(devices, 1, { states: ['RAISED'] });
    expect(alarm).toMatchObject({ ruleName: 'silent', metric: 'temperature', value: null });
    expect(alarm?.message).toMatch(/^no reading of temperature for 1000 ms: none has ever come$/);
    await send([[1, 20]]);
    await untilAlarms(devices, 1, { states: ['CLEARED'] });
    await untilAlarms(devices, 1, { states: ['RAISED'] });
  });

  it('are raised outside of a fence, by an expression, by a rate and by quality', async () => {
    await makeRule(devices, {
      name: 'away',
      condition: {
        geofence: {
          raiseWhen: 'OUTSIDE',
          circle: { latitude: 52.52, longitude: 13.405, radiusMetres: 5_000 },
        },
      },
    });
    await makeRule(devices, {
      name: 'muggy',
      condition: { expression: { expression: 'temperature > 25 && humidity >= 80' } },
    });
    await makeRule(devices, {
      name: 'rising',
      condition: { rate: { metric: 'temperature', windowMs: 10_000, above: 0.5 } },
    });
    await untilAtWork();
    await devices.send(id, [
      { ts: FIRST_AT_MS, values: { latitude: 52.5, longitude: 13.4, temperature: 20, humidity: 50 } },
      { ts: FIRST_AT_MS + 10_000, values: { temperature: 24 } },
      {
        ts: FIRST_AT_MS + 20_000,
        values: { latitude: 52.39, longitude: 13.06, temperature: 30, humidity: 85 },
      },
    ]);
    const raised = await untilAlarms(devices, 3, { severities: ['MAJOR'] });
    const messageOf = (name: string) => raised.find(({ ruleName }) => ruleName === name)?.message;
    expect(messageOf('away')).toBe('the device is at 52.39, 13.06, outside the fence');
    expect(messageOf('rising')).toBe('temperature changes by 0.6 Cel per second, above 0.5');
    expect(messageOf('muggy')).toMatch(/temperature is 30 Cel, humidity is 85 Cel/);
  });

  it('look only at the devices that their rule is about', async () => {
    const other = await devices.register('other', ['temperature', 'humidity']);
    await makeRule(devices, { ...HOT, name: 'mine', target: { devices: ['boiler'] } });
    await makeRule(devices, { ...HOT, name: 'all' });
    await untilAtWork();
    await send([[1, 31]]);
    await devices.send(other, { ts: FIRST_AT_MS, values: { temperature: 31 } });
    const found = await untilAlarms(devices, 3, { severities: ['MAJOR'], acknowledged: false });
    expect(found.map(({ ruleName, deviceId }) => [ruleName, deviceId]).sort()).toEqual(
      [
        ['all', id],
        ['all', other],
        ['mine', id],
      ].sort(),
    );
  });

  it('are not raised by what was measured before the newest reading', async () => {
    const ruleId = await makeRule(devices, HOT);
    await untilAtWork();
    await send([
      [10, 20],
      [5, 99],
      [11, 21],
      [12, 31],
    ]);
    expect(await untilAlarms(devices, 1, { ruleIds: [ruleId] })).toMatchObject([{ value: 31 }]);
  });
});

describe('rules over GraphQL', () => {
  it('are refused with everything that is wrong with them', async () => {
    await makeRule(devices, HOT);
    const { alarmRule, userErrors } = await tryRule(devices, {
      name: ' bad',
      forMs: -1,
      target: { devices: [], labels: '=nothing' },
      condition: { threshold: { metric: '1', deadband: -2 } },
    });
    expect(alarmRule).toBeNull();
    expect(userErrors.map(({ path }) => path.join('.')).sort()).toEqual([
      'condition.threshold',
      'condition.threshold.deadband',
      'condition.threshold.metric',
      'forMs',
      'name',
      'target.devices',
      'target.labels',
    ]);
    expect((await tryRule(devices, HOT)).userErrors).toMatchObject([{ code: 'CONFLICT', path: ['name'] }]);
    expect(
      (await tryRule(devices, { ...HOT, name: 'x', target: { devices: ['nobody'] } })).userErrors,
    ).toMatchObject([{ code: 'NOT_FOUND', path: ['target', 'devices', '0'] }]);
  });

  it('go out as text and come in again, by names and without changing what is so already', async () => {
    await makeRule(devices, { ...HOT, target: { devices: [id] }, forMs: 5_000 });
    await makeRule(devices, { name: 'silent', condition: { noData: { windowMs: 60_000 } } });
    const { exportAlarmRules: text } = await devices.ask('{ exportAlarmRules(format: YAML) }');
    expect(text).toContain('- boiler');
    expect(text).not.toContain(id);
    const IMPORT = `mutation ($input: ImportAlarmRulesInput!) { importAlarmRules(input: $input) {
      created updated unchanged dryRun userErrors { code path } } }`;
    const same = await devices.ask(IMPORT, { input: { text } });
    expect(same.importAlarmRules).toEqual({
      ...{ created: [], updated: [], unchanged: ['hot', 'silent'], dryRun: false, userErrors: [] },
    });
    const elsewhere = openedByTest.keep(await openDevices({ database, env: ENV }));
    const refused = await elsewhere.ask(IMPORT, { input: { text } });
    expect(refused.importAlarmRules.userErrors).toEqual([
      { code: 'NOT_FOUND', path: ['text', 'alarmRules', '0', 'target', 'devices', '0'] },
    ]);
    await elsewhere.register('boiler');
    for (const dryRun of [true, false]) {
      const { importAlarmRules } = await elsewhere.ask(IMPORT, { input: { text, dryRun } });
      expect(importAlarmRules).toMatchObject({ created: ['hot', 'silent'], dryRun, userErrors: [] });
    }
    const json = await elsewhere.ask('{ exportAlarmRules(format: JSON) }');
    const changed = json.exportAlarmRules.replace('"above": 30', '"above": 33');
    const { importAlarmRules } = await elsewhere.ask(IMPORT, { input: { text: changed } });
    expect(importAlarmRules).toMatchObject({ updated: ['hot'], unchanged: ['silent'] });
  });

  it('are listed with their condition as it was given', async () => {
    await makeRule(devices, HOT);
    const { alarmRules } = await devices.ask(`{ alarmRules(filter: { nameContains: "HO" }) { edges { node {
      name version enabled forMs target { devices profile } condition { __typename ... on ThresholdCondition { metric above below deadband } }
    } } pageInfo { hasNextPage } } }`);
    expect(alarmRules).toEqual({
      edges: [
        {
          node: {
            ...{ name: 'hot', version: 1, enabled: true, forMs: 0, target: { devices: null, profile: null } },
            condition: {
              __typename: 'ThresholdCondition',
              metric: 'temperature',
              above: 30,
              below: null,
              deadband: 2,
            },
          },
        },
      ],
      pageInfo: { hasNextPage: false },
    });
  });
});

describe('rules of profiles', () => {
  const REGISTER = `mutation ($input: RegisterDeviceInput!) {
    registerDevice(input: $input) { device { id } userErrors { message } }
  }`;

  it('look at their devices, until a rule of the workspace takes their name', async () => {
    const { registerDevice } = await devices.ask(REGISTER, {
      input: { name: 'sensor', profile: 'temperature-humidity' },
    });
    const sensor = registerDevice.device?.id ?? '';
    await waitFor('its battery is low', async () => {
      await devices.send(sensor, { battery: 10 });
      return (await listAlarms(devices, { deviceIds: [sensor] })).length > 0;
    });
    const [alarm] = await listAlarms(devices, { deviceIds: [sensor] });
    expect(alarm).toMatchObject({
      ...{
        ruleId: 'profile:temperature-humidity@1/battery low',
        ruleName: 'battery low',
        severity: 'WARNING',
      },
      ...{ metric: 'battery', value: 10, state: 'RAISED' },
    });
    await makeRule(devices, {
      name: 'battery low',
      enabled: false,
      condition: { threshold: { metric: 'battery', below: 5 } },
    });
    expect(await untilAlarms(devices, 1, { deviceIds: [sensor], states: ['CLEARED'] })).toMatchObject([
      { id: alarm?.id, clearReason: 'DEVICE_LEFT' },
    ]);
  });
});
