import { describe, expect, it } from '@jest/globals';
import { parseWorkspaceId, type WorkspaceId } from '../../../../kernel/identity/principal.js';
import {
  createKnownDevices,
  type KnownDevice,
} from '../../../../subgraphs/devices/readings/known-devices.js';

const workspace = parseWorkspaceId('test') as WorkspaceId;
const device = (id: string, name: string): KnownDevice => ({ id, name, labels: {}, metrics: new Map() });

/** A memory over a table that the test changes, and how often it was asked. */
function open(rows: KnownDevice[], capacity = 10) {
  const asked: string[] = [];
  const clock = { nowMs: 0 };
  const known = createKnownDevices({
    load: (_workspace, idOrName) => {
      asked.push(idOrName);
      return Promise.resolve(rows.find(({ id, name }) => id === idOrName || name === idOrName));
    },
    now: () => clock.nowMs,
    missMs: 1_000,
    capacity,
  });
  return { known, asked, clock, rows };
}

describe('the memory of devices', () => {
  it('reads a device once, whether it is asked for by id or by name', async () => {
    const { known, asked } = open([device('d1', 'one')]);
    await known.find(workspace, 'one');
    expect(known.find(workspace, 'one')).toMatchObject({ id: 'd1' });
    expect(known.find(workspace, 'd1')).toMatchObject({ id: 'd1' });
    expect(asked).toEqual(['one']);
  });

  it('reads once for many who ask at the same time', async () => {
    const { known, asked } = open([device('d1', 'one')]);
    await Promise.all([known.find(workspace, 'd1'), known.find(workspace, 'd1')]);
    expect(asked).toEqual(['d1']);
  });

  it('remembers a miss only for a while', async () => {
    const { known, asked, clock, rows } = open([]);
    await known.find(workspace, 'one');
    expect(known.find(workspace, 'one')).toBeUndefined();
    rows.push(device('d1', 'one'));
    clock.nowMs = 1_001;
    expect(await known.find(workspace, 'one')).toMatchObject({ id: 'd1' });
    expect(asked).toEqual(['one', 'one']);
  });

  it('forgets a renamed device under its former name, and a miss under its new one', async () => {
    const { known, rows } = open([device('d1', 'one')]);
    await known.find(workspace, 'one');
    await known.find(workspace, 'two');
    rows[0] = device('d1', 'two');
    known.forget(workspace, { id: 'd1', name: 'two' });
    expect(await known.find(workspace, 'one')).toBeUndefined();
    expect(await known.find(workspace, 'two')).toMatchObject({ id: 'd1' });
  });

  it('does not remember what was read before a change and arrives after it', async () => {
    const { known, rows } = open([device('d1', 'one')]);
    const before = known.find(workspace, 'd1');
    rows[0] = device('d1', 'two');
    known.forget(workspace, { id: 'd1' });
    await before;
    expect(await known.find(workspace, 'd1')).toMatchObject({ name: 'two' });
  });

  it('keeps no more devices than it may', async () => {
    const { known, asked } = open([device('d1', 'one'), device('d2', 'two'), device('d3', 'three')], 2);
    for (const id of ['d1', 'd2', 'd3', 'd3', 'd1']) await known.find(workspace, id);
    expect(asked).toEqual(['d1', 'd2', 'd3', 'd1']);
  });
});
