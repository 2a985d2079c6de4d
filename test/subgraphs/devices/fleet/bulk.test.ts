import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import type { Run } from '../../../../subgraphs/devices/generated/schema-types.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
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
  devices = openedByTest.keep(await openDevices({ database }));
});
afterEach(openedByTest.close);

const IMPORT = `mutation ($input: RegisterDevicesInput!) {
  registerDevices(input: $input) { run { id kind } userErrors { code message path } }
}`;
const RUN = `query ($id: ID!, $after: String) { run(id: $id) {
  state progress done total startedAt finishedAt error { code }
  deviceImport { rows pending created updated unchanged rejected rejectedCsv
    rejections(first: 2, after: $after) { edges { node { line name reason } } pageInfo { hasNextPage endCursor } } }
} }`;
const PROGRESS = `subscription ($id: ID!, $after: String) {
  runProgress(id: $id, after: $after) { cursor run { state progress done } }
}`;

/** Has a table taken, follows its run to the end and tells what came of it. */
async function importCsv(lines: readonly string[], options: object = {}): Promise<Run> {
  const { registerDevices } = await devices.ask(IMPORT, { input: { csv: lines.join('\n'), ...options } });
  expect(registerDevices.userErrors).toEqual([]);
  const id = registerDevices.run?.id ?? '';
  for await (const { data } of await devices.subscribe(PROGRESS, { id })) {
    if (data?.runProgress.run.state === 'FAILED') throw new Error('the run failed');
  }
  const { run } = await devices.ask(RUN, { id });
  if (!run) throw new Error('the run is gone');
  return run;
}

const NAMES = `query ($filter: DeviceFilter) { devices(filter: $filter, first: 100) {
  edges { node { name description labels { key value } metrics { name unit } } } } }`;

describe('registering devices by a table', () => {
  it('registers each row with its labels and metrics, and states a fact of each', async () => {
    const run = await importCsv([
      'name,description,metrics,label:site,label:example.com/floor',
      'a,"in the ""old"" cellar, left",temperature:Cel humidity:%,berlin,2',
      'b,,temperature:Cel,,',
    ]);
    expect(run).toMatchObject({ state: 'SUCCEEDED', progress: 1, error: null });
    expect(run.deviceImport).toMatchObject({ rows: 2, pending: 0, created: 2, rejected: 0 });
    const { devices: listed } = await devices.ask(NAMES);
    expect(listed.edges.map(({ node }) => node)).toEqual([
      {
        name: 'a',
        description: 'in the "old" cellar, left',
        labels: [
          { key: 'example.com/floor', value: '2' },
          { key: 'site', value: 'berlin' },
        ],
        metrics: [
          { name: 'temperature', unit: 'Cel' },
          { name: 'humidity', unit: '%' },
        ],
      },
      { name: 'b', description: null, labels: [], metrics: [{ name: 'temperature', unit: 'Cel' }] },
    ]);
    const facts = await devices.log.readAfter(devices.workspace, 0n, 100);
    expect(facts.map(({ type }) => type)).toEqual(['aegis.device.registered', 'aegis.device.registered']);
    expect(await devices.send('a', { temperature: 20 })).toMatchObject({ accepted: 1 });
  });

  it('takes the metrics of a profile', async () => {
    const profile = 'temperature-humidity';
    const run = await importCsv(['name,profile', `a,${profile}`, 'b,nothing-of-this-name']);
    expect(run.deviceImport).toMatchObject({ created: 1, rejected: 1 });
    expect(run.deviceImport?.rejections.edges[0]?.node).toMatchObject({
      line: 3,
      name: 'b',
      reason: expect.stringContaining('There is no profile'),
    });
    const { devices: listed } = await devices.ask(NAMES, { filter: { profile } });
    expect(listed.edges.map(({ node }) => node.name)).toEqual(['a']);
  });

  it('tells every bad row with its line, and registers the good ones', async () => {
    const run = await importCsv([
      'name,metrics,label:site',
      'good,t:Cel,ulm',
      'bad name,t:Cel,',
      'no-metrics,,',
      'good,t:Cel,',
      'bad-label,t:Cel,a b',
      'long,t:Cel,a,b',
      '-formula,t:Cel,',
    ]);
    expect(run.deviceImport).toMatchObject({ rows: 7, created: 1, rejected: 6 });
    const { rejections, rejectedCsv } = run.deviceImport ?? {};
    expect(rejections?.edges.map(({ node }) => node.line)).toEqual([3, 4]);
    expect(rejections?.pageInfo.hasNextPage).toBe(true);
    const lines = rejectedCsv?.trimEnd().split('\r\n') ?? [];
    expect(lines[0]).toBe('name,metrics,label:site,error');
    expect(lines.map((line) => line.split(',')[0])).toEqual([
      'name',
      'bad name',
      'no-metrics',
      'good',
      'bad-label',
      'long',
      "'-formula",
    ]);
    expect(lines[3]).toContain('The device is in line 2 as well.');
  });

  it.each([
    ['', 'Expected a header'],
    ['name', 'Expected at least one row'],
    ['description\nx', 'Expected a column `name`'],
    ['name,colour\na,red', 'got \\"colour\\"'],
    ['name,name\na,b', 'Expected each column once'],
    ['name,label:a b\na,b', 'label:a b'],
    ['name\n"a', 'Expected CSV: Quote Not Closed'],
  ])('refuses the table %j as a whole', async (csv, message) => {
    const { registerDevices } = await devices.ask(IMPORT, { input: { csv } });
    expect(registerDevices.run).toBeNull();
    expect(JSON.stringify(registerDevices.userErrors)).toContain(message);
  });

  it('changes nothing when it is sent again, and changes what differs when it is told to', async () => {
    const table = ['name,metrics,label:site', 'a,t:Cel,ulm', 'b,t:Cel,ulm'];
    await importCsv(table);
    expect((await importCsv(table)).deviceImport).toMatchObject({ created: 0, unchanged: 2 });
    const changed = ['name,description,label:site', 'a,new,ulm', 'b,,ulm', 'c,,ulm'];
    const run = await importCsv(changed, { onExisting: 'UPDATE' });
    expect(run.deviceImport).toMatchObject({ updated: 1, unchanged: 1, rejected: 1 });
    const again = await importCsv(changed, { onExisting: 'REJECT' });
    expect(again.deviceImport).toMatchObject({ rejected: 3 });
  });

  it('only tells what would be done when it is tried', async () => {
    await importCsv(['name,metrics', 'a,t:Cel']);
    const run = await importCsv(['name,metrics,description', 'a,,x', 'b,t:Cel,', '?,t:Cel,'], {
      dryRun: true,
      onExisting: 'UPDATE',
    });
    expect(run.deviceImport).toMatchObject({ created: 1, updated: 1, rejected: 1 });
    const { devices: listed } = await devices.ask(NAMES);
    expect(listed.edges.map(({ node }) => [node.name, node.description])).toEqual([['a', null]]);
  });

  it('takes thousands of rows in steps, whose progress is told', async () => {
    const rows = Array.from({ length: 2_000 }, (_, index) => `d${index},t:Cel,s${index % 3}`);
    const { registerDevices } = await devices.ask(IMPORT, {
      input: { csv: ['name,metrics,label:site', ...rows].join('\n') },
    });
    const id = registerDevices.run?.id ?? '';
    const seen: number[] = [];
    for await (const { data } of await devices.subscribe(PROGRESS, { id }))
      seen.push(data?.runProgress.run.progress ?? -1);
    expect(seen.at(-1)).toBe(1);
    expect([...seen].sort((one, other) => one - other)).toEqual(seen);
    const { run } = await devices.ask(RUN, { id });
    expect(run?.deviceImport).toMatchObject({ created: 2_000, pending: 0 });
  });

  it('goes on where it was when the process starts again', async () => {
    const rows = Array.from({ length: 3_000 }, (_, index) => `d${index},t:Cel`);
    const { workspace } = devices;
    const { registerDevices } = await devices.ask(IMPORT, {
      input: { csv: ['name,metrics', ...rows].join('\n') },
    });
    const id = registerDevices.run?.id ?? '';
    const progress = await devices.subscribe(PROGRESS, { id });
    await progress.next();
    await openedByTest.close();
    devices = openedByTest.keep(await openDevices({ database, workspace }));
    for await (const { data } of await devices.subscribe(PROGRESS, { id }))
      expect(data?.runProgress.run.state).not.toBe('FAILED');
    const { run } = await devices.ask(RUN, { id });
    expect(run).toMatchObject({ state: 'SUCCEEDED' });
    expect(run?.deviceImport).toMatchObject({ created: 3_000, rejected: 0 });
  });

  it('ends when it is cancelled, and is refused that when it has ended', async () => {
    const rows = Array.from({ length: 3_000 }, (_, index) => `d${index},t:Cel`);
    const { registerDevices } = await devices.ask(IMPORT, {
      input: { csv: ['name,metrics', ...rows].join('\n') },
    });
    const id = registerDevices.run?.id ?? '';
    const CANCEL = `mutation ($id: ID!) { cancelRun(input: {id: $id}) { run { id } userErrors { code } } }`;
    expect((await devices.ask(CANCEL, { id })).cancelRun.userErrors).toEqual([]);
    const states: unknown[] = [];
    for await (const { data } of await devices.subscribe(PROGRESS, { id }))
      states.push(data?.runProgress.run.state);
    expect(states.at(-1)).toBe('CANCELLED');
    expect((await devices.ask(CANCEL, { id })).cancelRun.userErrors).toEqual([{ code: 'CONFLICT' }]);
    const { runs } = await devices.ask(`{ runs(states: [CANCELLED]) { edges { node { id kind } } } }`);
    expect(runs.edges).toEqual([{ node: { id, kind: 'DEVICE_IMPORT' } }]);
  });
});
