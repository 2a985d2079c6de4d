import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../kernel/database/database.js';
import { openTestDatabase } from '../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../support/opened.js';
import {
  newWorkspace,
  startConsciousness,
  withUnits,
  type Consciousness,
} from './support/start-consciousness.js';

const opened = createOpened();
let database: Database;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);

afterAll(opened.close);

async function start(
  options: Partial<Parameters<typeof startConsciousness>[0]> = {},
): Promise<Consciousness> {
  const { settings, ...rest } = options;
  const consciousness = await startConsciousness({
    ...{ database, workspace: newWorkspace(), ...rest },
    settings: { nodeCount: 4, ...settings },
  });
  opened.keep(consciousness.subgraph);
  return consciousness;
}

/** The signals of the nodes by index, such as `dev_1/load`. */
async function signals({ query }: Consciousness): Promise<(string | null)[]> {
  const { data } = await query('{ nodes { index device { id } metric } }');
  const { nodes } = data as {
    nodes: { index: number; device: { id: string } | null; metric: string | null }[];
  };
  expect(nodes.map(({ index }) => index)).toEqual(nodes.map((_, place) => place));
  return nodes.map(({ device, metric }) => (device ? `${device.id}/${metric ?? ''}` : null));
}

interface Payload {
  readonly node: { readonly metric: string | null } | null;
  readonly userErrors: readonly { readonly code: string; readonly path: readonly string[] }[];
}

async function assign({ query }: Consciousness, input: Record<string, unknown>): Promise<Payload> {
  const source = `mutation ($input: AssignNodeInput!) {
    assignNode(input: $input) { node { metric } userErrors { code path } }
  }`;
  return ((await query(source, { input })).data as { assignNode: Payload }).assignNode;
}

const refused = (code: string, path: string) => ({ node: null, userErrors: [{ code, path: [path] }] });

describe('the nodes', () => {
  it('are there after the first start, and as many as the settings say after the next', async () => {
    const first = await start({ settings: { nodeCount: 13 } });
    expect(await signals(first)).toHaveLength(13);
    await first.subgraph.close();
    expect(
      await signals(await start({ workspace: first.workspace, settings: { nodeCount: 3 } })),
    ).toHaveLength(3);
  });

  it('take the metrics of the device named host, in the order of their declaration', async () => {
    const consciousness = await start();
    await consciousness.register('dev_1', 'host', ['c', 'a', 'b']);
    expect(await signals(consciousness)).toEqual(['dev_1/c', 'dev_1/a', 'dev_1/b', null]);
  });

  it('take no more metrics than there are nodes, and none of another device', async () => {
    const consciousness = await start();
    await consciousness.register('dev_2', 'other', ['x']);
    await consciousness.register('dev_1', 'host', ['a', 'b', 'c', 'd', 'e']);
    expect(await signals(consciousness)).toEqual(['dev_1/a', 'dev_1/b', 'dev_1/c', 'dev_1/d']);
  });

  it('keep their signals when the device gets more metrics, and lose those that it no longer has', async () => {
    const consciousness = await start();
    await consciousness.register('dev_1', 'host', ['a', 'b', 'c']);
    const data = { id: 'dev_1', name: 'host', metrics: withUnits(['d', 'c', 'a']) };
    await consciousness.state({ type: 'aegis.device.updated', data });
    expect(await signals(consciousness)).toEqual(['dev_1/a', 'dev_1/d', 'dev_1/c', null]);
  });

  it('lose their signals when the device is removed, and take those of its successor', async () => {
    const consciousness = await start();
    await consciousness.register('dev_1', 'host', ['a', 'b']);
    await consciousness.register('dev_2', 'other', ['x']);
    await assign(consciousness, { index: 3, deviceId: 'dev_2', metric: 'x' });
    await consciousness.state({ type: 'aegis.device.removed', data: { id: 'dev_1', name: 'host' } });
    expect(await signals(consciousness)).toEqual([null, null, null, 'dev_2/x']);
    await consciousness.register('dev_3', 'host', ['a']);
    expect(await signals(consciousness)).toEqual(['dev_3/a', null, null, 'dev_2/x']);
  });

  it('take signals at once when their number grows, but leave those empty that were emptied by hand', async () => {
    const first = await start({ settings: { nodeCount: 2 } });
    await first.register('dev_1', 'host', ['a', 'b', 'c', 'd']);
    await assign(first, { index: 0 });
    await first.subgraph.close();
    expect(await signals(await start({ workspace: first.workspace, settings: { nodeCount: 3 } }))).toEqual([
      null,
      'dev_1/b',
      'dev_1/a',
    ]);
  });

  it('read the facts that were stated while the subgraph was down', async () => {
    const first = await start();
    await first.register('dev_1', 'host', ['a']);
    await first.subgraph.close();
    const other = await start({ workspace: first.workspace, settings: { nodeDevice: 'elsewhere' } });
    await other.subgraph.close();
    const rows = database.inWorkspace(first.workspace);
    await rows.client.event.create({
      data: {
        ...{ workspaceId: first.workspace, id: 'evt_late', source: '/devices', type: 'aegis.device.removed' },
        ...{ time: new Date(), data: { id: 'dev_1' } },
      },
    });
    expect(await signals(await start({ workspace: first.workspace }))).toEqual([null, null, null, null]);
  });

  it('pass over facts that are malformed or of something else', async () => {
    const consciousness = await start();
    await consciousness.state({ type: 'aegis.device.registered', data: { id: 7 } });
    await consciousness.state({ type: 'aegis.device.removed', data: [] });
    await consciousness.state({ type: 'aegis.cloud.connected', data: { id: 'cld_1' } });
    await consciousness.register('dev_1', 'host', ['a']);
    expect(await signals(consciousness)).toEqual(['dev_1/a', null, null, null]);
    expect(consciousness.complaints.filter((line) => line.includes('malformed fact'))).toHaveLength(2);
  });
});

describe('assignNode', () => {
  let consciousness: Consciousness;

  beforeAll(async () => {
    consciousness = await start();
    await consciousness.register('dev_1', 'host', ['a', 'b']);
    await consciousness.register('dev_2', 'other', ['x', 'y']);
  });

  it('gives a node a signal, moves it to another metric and takes it away', async () => {
    expect(await assign(consciousness, { index: 3, deviceId: 'dev_2', metric: 'x' })).toEqual({
      node: { metric: 'x' },
      userErrors: [],
    });
    await assign(consciousness, { index: 3, deviceId: 'dev_2', metric: 'y' });
    expect(await signals(consciousness)).toEqual(['dev_1/a', 'dev_1/b', null, 'dev_2/y']);
    expect(await assign(consciousness, { index: 3, deviceId: null, metric: null })).toEqual({
      node: { metric: null },
      userErrors: [],
    });
    expect(await signals(consciousness)).toEqual(['dev_1/a', 'dev_1/b', null, null]);
  });

  it('lets a node keep the signal that it has', async () => {
    const { userErrors } = await assign(consciousness, { index: 0, deviceId: 'dev_1', metric: 'a' });
    expect(userErrors).toEqual([]);
  });

  it('refuses what the caller can mend', async () => {
    const before = await signals(consciousness);
    const signal = { deviceId: 'dev_2', metric: 'x' };
    expect(await assign(consciousness, { index: 4, ...signal })).toEqual(refused('BAD_USER_INPUT', 'index'));
    expect(await assign(consciousness, { index: -1 })).toEqual(refused('BAD_USER_INPUT', 'index'));
    expect(await assign(consciousness, { index: 2, deviceId: 'dev_2' })).toEqual(
      refused('BAD_USER_INPUT', 'metric'),
    );
    expect(await assign(consciousness, { index: 2, metric: 'x' })).toEqual(
      refused('BAD_USER_INPUT', 'deviceId'),
    );
    expect(await assign(consciousness, { index: 2, ...signal, deviceId: 'dev_9' })).toEqual(
      refused('NOT_FOUND', 'deviceId'),
    );
    expect(await assign(consciousness, { index: 2, ...signal, metric: 'z' })).toEqual(
      refused('NOT_FOUND', 'metric'),
    );
    expect(await assign(consciousness, { index: 2, deviceId: 'dev_1', metric: 'a' })).toEqual(
      refused('CONFLICT', 'metric'),
    );
    expect(await signals(consciousness)).toEqual(before);
  });

  it('gives a signal to one node only when two are given it at the same time', async () => {
    const inputs = [2, 3].map((index) => ({ index, deviceId: 'dev_2', metric: 'x' }));
    const payloads = await Promise.all(inputs.map((input) => assign(consciousness, input)));
    expect(payloads.flatMap(({ userErrors }) => userErrors).map(({ code }) => code)).toEqual(['CONFLICT']);
  });
});
