import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database, WorkspaceDatabase } from '../../../kernel/database/database.js';
import type { WorkspaceClient } from '../../../kernel/database/workspace.js';
import { parseWorkspaceId, type WorkspaceId } from '../../../kernel/identity/principal.js';
import { openTestDatabase } from '../../support/embedded-database.js';

const HOME = workspace('home');
const ABROAD = workspace('abroad');

let database: Database;
let home: WorkspaceDatabase;
let abroad: WorkspaceDatabase;

beforeAll(async () => {
  database = await openTestDatabase();
  home = database.inWorkspace(HOME);
  abroad = database.inWorkspace(ABROAD);
});
afterAll(async () => {
  await database.close();
});
beforeEach(async () => {
  for (const { client, workspace: workspaceId } of [home, abroad]) {
    await client.device.deleteMany();
    await client.device.create({
      data: {
        workspaceId,
        id: 'lamp',
        name: `lamp of ${workspaceId}`,
        metrics: { create: [{ name: 'power', unit: 'W', position: 0 }] },
      },
    });
  }
  await abroad.client.device.create({
    data: { workspaceId: ABROAD, id: 'only-abroad', name: 'only abroad' },
  });
});

function workspace(name: string): WorkspaceId {
  const id = parseWorkspaceId(name);
  if (id === undefined) throw new Error(name);
  return id;
}

const abroadLamp = { workspaceId_id: { workspaceId: ABROAD, id: 'lamp' } };

async function listNames({ client }: WorkspaceDatabase): Promise<string[]> {
  const devices = await client.device.findMany({ orderBy: { name: 'asc' } });
  return devices.map((device) => device.name);
}

describe('reading in a workspace', () => {
  const reads: readonly [string, (client: WorkspaceClient) => Promise<unknown>, unknown][] = [
    [
      'findUnique by a compound key of another',
      ({ device }) => device.findUnique({ where: abroadLamp }),
      null,
    ],
    [
      'findUnique with conditions of its own',
      ({ device }) => device.findUnique({ where: { ...abroadLamp, AND: [{ id: 'lamp' }], OR: [{}] } }),
      null,
    ],
    ['findFirst', ({ device }) => device.findFirst({ where: { id: 'only-abroad' } }), null],
    ['findFirst naming another', ({ device }) => device.findFirst({ where: { workspaceId: ABROAD } }), null],
    [
      'findFirst with an AND of its own',
      ({ device }) => device.findFirst({ where: { AND: { workspaceId: ABROAD } } }),
      null,
    ],
    [
      'findMany with an OR',
      ({ device }) => device.findMany({ where: { OR: [{ workspaceId: ABROAD }] } }),
      [],
    ],
    ['findMany with a NOT', ({ device }) => device.findMany({ where: { NOT: { workspaceId: HOME } } }), []],
    ['count', ({ device }) => device.count(), 1],
    ['aggregate', ({ device }) => device.aggregate({ _count: true }), { _count: 1 }],
    [
      'groupBy',
      ({ device }) => device.groupBy({ by: ['workspaceId'], _count: true, orderBy: { workspaceId: 'asc' } }),
      [{ workspaceId: HOME, _count: 1 }],
    ],
    [
      'a relation',
      ({ device }) => device.findMany({ select: { metrics: { select: { workspaceId: true } } } }),
      [{ metrics: [{ workspaceId: HOME }] }],
    ],
    [
      'a fluent relation',
      ({ deviceMetric }) =>
        deviceMetric
          .findUnique({
            where: { workspaceId_deviceId_name: { workspaceId: ABROAD, deviceId: 'lamp', name: 'power' } },
          })
          .device(),
      null,
    ],
  ];

  it.each(reads)('sees nothing of others: %s', async (_name, read, expected) => {
    expect(await read(home.client)).toEqual(expected);
  });

  it.each(reads)('sees nothing of others in a transaction: %s', async (_name, read, expected) => {
    expect(await home.transaction(({ client }) => read(client))).toEqual(expected);
  });

  it('fails as if the row were not there: findUniqueOrThrow and findFirstOrThrow', async () => {
    await expect(home.client.device.findUniqueOrThrow({ where: abroadLamp })).rejects.toMatchObject({
      code: 'P2025',
    });
    await expect(home.client.device.findFirstOrThrow({ where: { id: 'only-abroad' } })).rejects.toMatchObject(
      { code: 'P2025' },
    );
  });
});

describe('writing in a workspace', () => {
  it('changes and removes nothing of others', async () => {
    const { device } = home.client;
    await expect(device.update({ where: abroadLamp, data: { name: 'taken' } })).rejects.toMatchObject({
      code: 'P2025',
    });
    await expect(device.delete({ where: abroadLamp })).rejects.toMatchObject({ code: 'P2025' });
    expect(await device.updateMany({ where: { id: 'only-abroad' }, data: { name: 'taken' } })).toEqual({
      count: 0,
    });
    expect(
      await device.updateManyAndReturn({ where: { AND: [{ workspaceId: ABROAD }] }, data: { name: 'x' } }),
    ).toEqual([]);
    expect(await device.deleteMany({ where: { workspaceId: ABROAD } })).toEqual({ count: 0 });
    expect(await listNames(abroad)).toEqual(['lamp of abroad', 'only abroad']);
  });

  it('writes everything that is new into its own', async () => {
    const { device } = home.client;
    const row = (id: string) => ({ workspaceId: HOME, id, name: id });
    await device.create({ data: row('a') });
    await device.createMany({ data: [row('b'), row('c')] });
    await device.createMany({ data: row('d') });
    await device.createManyAndReturn({ data: [row('e')] });
    await device.upsert({
      where: { workspaceId_id: { workspaceId: HOME, id: 'f' } },
      create: row('f'),
      update: { name: 'not this' },
    });
    expect(await listNames(home)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'lamp of home']);
    expect(await listNames(abroad)).toEqual(['lamp of abroad', 'only abroad']);
  });

  it('stamps rows that leave their workspace out', async () => {
    await home.client.device.create({ data: { id: 'a', name: 'a' } as never });
    await home.client.device.createMany({ data: [{ id: 'b', name: 'b' }] as never });
    expect(await listNames(home)).toEqual(['a', 'b', 'lamp of home']);
  });

  it('creates in its own what an upsert does not find, though another has the key', async () => {
    await home.client.device.deleteMany();
    await home.client.device.upsert({
      where: abroadLamp,
      create: { workspaceId: HOME, id: 'lamp', name: 'a new lamp' },
      update: { name: 'taken' },
    });
    expect(await listNames(home)).toEqual(['a new lamp']);
    expect(await listNames(abroad)).toContain('lamp of abroad');
  });

  const escapes: readonly [string, (client: WorkspaceClient) => Promise<unknown>][] = [
    ['create', ({ device }) => device.create({ data: { workspaceId: ABROAD, id: 'x', name: 'x' } })],
    [
      'createMany',
      ({ device }) => device.createMany({ data: [{ workspaceId: ABROAD, id: 'x', name: 'x' }] }),
    ],
    ['update', ({ device }) => device.updateMany({ data: { workspaceId: ABROAD } })],
    ['update with set', ({ device }) => device.updateMany({ data: { workspaceId: { set: ABROAD } } })],
    [
      'upsert',
      ({ device }) =>
        device.upsert({
          where: { workspaceId_id: { workspaceId: HOME, id: 'lamp' } },
          create: { workspaceId: HOME, id: 'lamp', name: 'lamp' },
          update: { workspaceId: ABROAD },
        }),
    ],
    [
      'connecting children of another',
      ({ device }) =>
        device.update({
          where: { workspaceId_id: { workspaceId: HOME, id: 'lamp' } },
          data: {
            metrics: {
              connect: {
                workspaceId_deviceId_name: { workspaceId: ABROAD, deviceId: 'lamp', name: 'power' },
              },
            },
          },
        }),
    ],
    [
      'connecting to a parent of another',
      ({ deviceMetric }) =>
        deviceMetric.update({
          where: { workspaceId_deviceId_name: { workspaceId: HOME, deviceId: 'lamp', name: 'power' } },
          data: { device: { connect: abroadLamp } },
        }),
    ],
    [
      'moving a parent',
      ({ deviceMetric }) =>
        deviceMetric.update({
          where: { workspaceId_deviceId_name: { workspaceId: HOME, deviceId: 'lamp', name: 'power' } },
          data: { device: { update: { workspaceId: ABROAD } } },
        }),
    ],
    [
      'moving a parent, written with its condition',
      ({ deviceMetric }) =>
        deviceMetric.update({
          where: { workspaceId_deviceId_name: { workspaceId: HOME, deviceId: 'lamp', name: 'power' } },
          data: { device: { update: { where: {}, data: { workspaceId: ABROAD } } } },
        }),
    ],
    [
      'creating a parent elsewhere',
      ({ deviceMetric }) =>
        deviceMetric.update({
          where: { workspaceId_deviceId_name: { workspaceId: HOME, deviceId: 'lamp', name: 'power' } },
          data: { device: { create: { workspaceId: ABROAD, id: 'x', name: 'x' } } },
        }),
    ],
  ];

  it.each(escapes)('refuses to write into another: %s', async (_name, write) => {
    await expect(write(home.client)).rejects.toThrow(/wrote \w+ rows of workspace|expected a nested write/);
    expect(await listNames(home)).toEqual(['lamp of home']);
    expect(await listNames(abroad)).toEqual(['lamp of abroad', 'only abroad']);
  });

  it('takes nested writes of rows that belong to the row written', async () => {
    const where = { workspaceId_id: { workspaceId: HOME, id: 'lamp' } };
    const power = { workspaceId_deviceId_name: { workspaceId: HOME, deviceId: 'lamp', name: 'power' } };
    await home.client.device.update({
      where,
      data: {
        metrics: {
          create: { name: 'a', unit: 'V', position: 1 },
          createMany: { data: [{ name: 'b', unit: 'V', position: 2 }] },
          update: { where: power, data: { unit: 'kW' } },
          upsert: {
            where: { workspaceId_deviceId_name: { workspaceId: HOME, deviceId: 'lamp', name: 'c' } },
            create: { name: 'c', unit: 'V', position: 3 },
            update: {},
          },
        },
      },
    });
    await home.client.device.update({ where, data: { metrics: { deleteMany: { name: 'b' } } } });
    const metrics = await home.client.deviceMetric.findMany({ orderBy: { name: 'asc' } });
    expect(metrics.map(({ name, unit }) => [name, unit])).toEqual([
      ['a', 'V'],
      ['c', 'V'],
      ['power', 'kW'],
    ]);
    expect(await abroad.client.deviceMetric.findMany()).toMatchObject([{ unit: 'W' }]);
  });

  it('lets JSON hold whatever it likes', async () => {
    const data = { workspaceId: ABROAD, connect: { workspaceId: ABROAD } };
    await home.client.event.create({
      data: { workspaceId: HOME, id: 'evt_json', source: '/test', type: 'test', time: new Date(0), data },
    });
    expect(await home.client.event.findFirst()).toMatchObject({ data });
  });
});

describe('a transaction', () => {
  it('rolls back as a whole, and announces nothing then', async () => {
    const announced: string[] = [];
    const work = home.transaction(async ({ client, afterCommit }) => {
      afterCommit(() => announced.push('committed'));
      await client.device.deleteMany();
      throw new Error('on second thoughts');
    });
    await expect(work).rejects.toThrow('on second thoughts');
    expect(await listNames(home)).toEqual(['lamp of home']);
    expect(announced).toEqual([]);
  });

  it('has succeeded even when an announcement of it fails', async () => {
    const announced: string[] = [];
    await home.transaction(async ({ client, afterCommit }) => {
      afterCommit(() => {
        throw new Error('nobody listens');
      });
      afterCommit(() => announced.push('second'));
      await client.device.deleteMany();
    });
    expect(announced).toEqual(['second']);
    expect(await listNames(home)).toEqual([]);
  });
});

describe('the schema of the rows', () => {
  it('gives every model a workspace, first in its key, and every relation too: what the confinement rests on', async () => {
    const folder = join(import.meta.dirname, '../../../prisma/schema');
    const files = await Promise.all(
      (await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')),
    );
    const models = [...files.join('\n').matchAll(/^model (\w+) \{(.*?)^\}/gms)];
    expect(models.length).toBeGreaterThan(5);
    for (const [, name = '', body = ''] of models) {
      const keyed = /@@id\(\[workspaceId\b/.test(body) || /^\s*workspaceId\s+String\s+@id\b/m.test(body);
      const relations = [...body.matchAll(/@relation\(.*?fields: \[(\w+)/g)].map((match) => match[1]);
      expect({ name, keyed, relations: relations.filter((field) => field !== 'workspaceId') }).toEqual({
        name,
        keyed: true,
        relations: [],
      });
    }
  });
});

/** Never runs: the compiler refuses each line, or `tsc` reports the directive above it as unused. */
export function doesNotCompile(): readonly unknown[] {
  return [
    // @ts-expect-error there are no rows but those of a workspace
    database.client,
    // @ts-expect-error a model hangs on a workspace
    database.device,
    // @ts-expect-error the name of a workspace is checked before it is one
    database.inWorkspace('default'),
    // @ts-expect-error nor does one do without any
    database.inWorkspace(),
    // @ts-expect-error transactions begin at the workspace, so that they end in announcements
    home.client.$transaction,
    // @ts-expect-error an extension could undo the confinement
    home.client.$extends,
    // @ts-expect-error connections are the database's own affair
    home.client.$disconnect,
  ];
}
