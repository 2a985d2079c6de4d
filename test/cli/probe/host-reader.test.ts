import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHostReader } from '../../../cli/probe/host-reader.js';
import { measureSignals, SIGNALS } from '../../../cli/probe/signals.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aegis-proc-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('the reader of the machine', () => {
  it('reads this machine, and its counters do not go back', async () => {
    const reader = createHostReader();
    const before = await reader.read();
    const after = await reader.read();
    expect(after.readAtMs).toBeGreaterThanOrEqual(before.readAtMs);
    expect(after.counters.cpuTotal).toBeGreaterThanOrEqual(before.counters.cpuTotal ?? NaN);
    expect(after.counters.memoryUsedPercent).toBeGreaterThan(0);
    const values = Object.values(measureSignals({ before, after, timerDelayMs: 0 }));
    expect(values).toHaveLength(SIGNALS.length);
    expect(values.every(Number.isFinite)).toBe(true);
  });

  it('fills what a sandbox leaves out from Node.js, and stays with that source', async () => {
    await writeFile(join(folder, 'stat'), 'cpu  0 0 0 0 0 0 0 0 0 0\nctxt 0\nintr 5\n');
    const reader = createHostReader({ procFolder: folder });
    const before = await reader.read();
    expect(before.counters).toMatchObject({ interrupts: 5 });
    expect(before.counters.cpuTotal).toBeGreaterThan(0);
    expect(before.counters.contextSwitches).toBeGreaterThan(0);
    await writeFile(join(folder, 'stat'), 'cpu  0 0 0 0 0 0 0 0 0 0\nctxt 999999999\nintr 6\n');
    const after = await reader.read();
    expect(after.counters.interrupts).toBe(6);
    expect(after.counters.contextSwitches).toBeLessThan(999_999_999);
  });

  it('asks the system through systeminformation when there is no /proc', async () => {
    const problems: unknown[] = [];
    const reader = createHostReader({
      procFolder: join(folder, 'none'),
      report: (problem) => problems.push(problem),
    });
    const { counters } = await reader.read();
    expect(counters.memoryUsedPercent).toBeGreaterThan(0);
    expect(counters.cpuTotal).toBeGreaterThan(0);
    expect(counters.networkReceivedBytes ?? 0).toBeGreaterThanOrEqual(0);
    expect(problems).toEqual([]);
  });
});
