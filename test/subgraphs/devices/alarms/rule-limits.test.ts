import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { openDevices, type TestDevices } from '../support/open-devices.js';
import { makeRule, tryRule } from './support/alarm-rig.js';

const opened = createOpened();
const openedByTest = createOpened();
let database: Database;
let devices: TestDevices;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
beforeEach(async () => {
  devices = openedByTest.keep(await openDevices({ database }));
});
afterEach(openedByTest.close);

describe('the limits of rules', () => {
  it.each(['threshold', 'rate'])('are refused for a %s by which no alarm would ever clear', async (kind) => {
    const ruleOf = (limits: object) => ({
      name: 'narrow',
      condition: {
        [kind]: { metric: 'temperature', ...(kind === 'rate' ? { windowMs: 1_000 } : {}), ...limits },
      },
    });
    const message =
      'Expected a deadband of at most half the distance between `below` and `above`, as no value would ever clear the ' +
      'alarm, got a deadband of 2.6 between 5 and 10.';
    const path = ['condition', kind, 'deadband'];
    const wrong = ruleOf({ above: 10, below: 5, deadband: 2.6 });
    expect((await tryRule(devices, wrong)).userErrors).toEqual([{ code: 'BAD_USER_INPUT', message, path }]);
    const IMPORT = `mutation ($text: String!) { importAlarmRules(input: { text: $text }) {
      created userErrors { message path } } }`;
    const text = JSON.stringify({ alarmRules: [{ severity: 'MAJOR', ...wrong }] });
    expect((await devices.ask(IMPORT, { text })).importAlarmRules).toEqual({
      created: [],
      userErrors: [{ message, path: ['text', 'alarmRules', '0', ...path] }],
    });
    expect((await tryRule(devices, ruleOf({ above: 10, below: 5, deadband: 2.5 }))).userErrors).toEqual([]);
    expect((await tryRule(devices, { ...ruleOf({}), name: 'none' })).userErrors).toMatchObject([
      { message: 'Expected `above`, `below` or both, and there is neither.', path: ['condition', kind] },
    ]);
  });

  it('that an earlier version took are still read, and told of once they are changed', async () => {
    const ruleId = await makeRule(devices, {
      name: 'hot',
      condition: { threshold: { metric: 'temperature', above: 30 } },
    });
    const { client } = database.inWorkspace(devices.workspace);
    const condition = { threshold: { metric: 'temperature', above: 10, below: 5, deadband: 50 } };
    await client.alarmRule.updateMany({ where: { id: ruleId }, data: { definition: { condition } } });
    const { alarmRules } = await devices.ask('{ alarmRules { edges { node { name } } } }');
    expect(alarmRules.edges).toEqual([{ node: { name: 'hot' } }]);
    const { updateAlarmRule } = await devices.ask(
      'mutation ($input: UpdateAlarmRuleInput!) { updateAlarmRule(input: $input) { userErrors { path } } }',
      { input: { id: ruleId, forMs: 1_000 } },
    );
    expect(updateAlarmRule.userErrors).toEqual([{ path: ['condition', 'threshold', 'deadband'] }]);
  });
});
