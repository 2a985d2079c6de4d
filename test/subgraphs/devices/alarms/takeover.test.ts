import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { waitFor } from '../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { newWorkspace, openDevices, type TestDevices } from '../support/open-devices.js';
import { listAlarms, makeRule, untilAlarms } from './support/alarm-rig.js';

const opened = createOpened();
const openedByTest = createOpened();
let database: Database;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
afterEach(openedByTest.close);

const FIRST_AT_MS = Date.UTC(2026, 0, 1);
const ENV = { AEGIS_ALARM_GRACE_SECONDS: '0' };
const HOT = { name: 'hot', condition: { threshold: { metric: 'temperature', above: 30 } } };

const send = (devices: TestDevices, id: string, second: number, temperature: number) =>
  devices.send(id, { ts: FIRST_AT_MS + second * 1_000, values: { temperature } });

/** Who evaluates the workspace. */
async function holder(devices: TestDevices): Promise<string | undefined> {
  const { client } = database.inWorkspace(devices.workspace);
  const duty = await client.duty.findFirst({ where: { name: 'alarms' } });
  return duty?.holder;
}

describe('several processes', () => {
  it('evaluate a workspace one at a time, and another goes on where the first has ended', async () => {
    const workspace = newWorkspace();
    const first = await openDevices({ database, workspace, env: ENV });
    const second = openedByTest.keep(await openDevices({ database, workspace, env: ENV }));
    const before = await waitFor('one of them evaluates', () => holder(first));
    const id = await first.register('boiler');
    await makeRule(first, HOT);
    await waitFor('the rule is at work', async () => {
      const at = (await listAlarms(first)).length;
      await send(first, id, Date.now() % 100_000, 31);
      return at > 0;
    });
    await first.close();
    // What comes while nobody evaluates is looked at by who does next.
    await send(second, id, 200_000, 20);
    await untilAlarms(second, 1, { states: ['CLEARED'] });
    await send(second, id, 200_001, 40);
    expect(await untilAlarms(second, 1, { states: ['RAISED'] })).toMatchObject([{ value: 40 }]);
    expect(await holder(second)).not.toBe(before);
    const { items } = await countFacts(second);
    expect(items).toEqual(['raised', 'cleared', 'raised']);
  });

  it('raise what was missed while none of them was there, also that data was missing', async () => {
    const workspace = newWorkspace();
    const first = await openDevices({ database, workspace, env: ENV });
    const id = await first.register('boiler');
    await makeRule(first, { name: 'silent', condition: { noData: { windowMs: 2_000 } } });
    await send(first, id, 0, 20);
    await first.close();
    const lastAt = Date.now();
    await waitFor('the window is over', () => Date.now() - lastAt > 2_100);
    const second = openedByTest.keep(await openDevices({ database, workspace, env: ENV }));
    const [alarm] = await untilAlarms(second, 1, { states: ['RAISED'] });
    expect(alarm?.message).toMatch(/^no readings for 2000 ms: the last one came at /);
    expect(new Date(alarm?.occurredAt ?? 0).getTime()).toBeLessThan(lastAt + 2_100);
  });
});

/** The moves of alarms in the event log. */
async function countFacts(devices: TestDevices): Promise<{ readonly items: readonly string[] }> {
  const events = await devices.log.readAfter(devices.workspace, 0n, 1_000);
  const moves = events.filter(({ type }) => type.startsWith('aegis.alarm.'));
  return { items: moves.map(({ type }) => type.replace('aegis.alarm.', '')) };
}
