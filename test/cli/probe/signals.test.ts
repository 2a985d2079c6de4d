import { describe, expect, it } from '@jest/globals';
import type { HostCounters } from '../../../cli/probe/host-counters.js';
import { measureSignals, SIGNALS } from '../../../cli/probe/signals.js';

const reading = (readAtMs: number, counters: HostCounters) => ({ readAtMs, counters });
const measure = (before: HostCounters, after: HostCounters, elapsedMs = 500) =>
  measureSignals({
    before: reading(1000, before),
    after: reading(1000 + elapsedMs, after),
    timerDelayMs: 0.12345,
  });

describe('the signals of the machine', () => {
  it('are 13, each with a name that a device may declare, a unit and a description', () => {
    expect(SIGNALS).toHaveLength(13);
    expect(new Set(SIGNALS.map(({ name }) => name)).size).toBe(13);
    for (const { name, unit, description } of SIGNALS) {
      expect(name).toMatch(/^[A-Za-z][A-Za-z0-9._-]{0,62}$/);
      expect(['%', 'By', 'By/s', '1/s', 'ms']).toContain(unit);
      expect(description).not.toBe('');
    }
  });

  it('are rates a second, shares of the time that passed, and levels as they are', () => {
    const values = measure(
      { cpuUser: 100, cpuSystem: 50, cpuTotal: 1000, interrupts: 10_000, diskWrittenBytes: 4096 },
      {
        cpuUser: 150,
        cpuSystem: 60,
        cpuTotal: 1200,
        interrupts: 10_100,
        diskWrittenBytes: 12_288,
        memoryUsedPercent: 25.12345,
      },
    );
    expect(values).toMatchObject({
      'cpu.user': 25,
      'cpu.system': 5,
      'scheduler.interrupts': 200,
      'disk.written': 16_384,
      'memory.used': 25.123,
      'scheduler.delay': 0.123,
    });
  });

  it('are 0 where the machine does not tell, where a counter was begun anew, and where no time passed', () => {
    expect(measure({ interrupts: 5000 }, { interrupts: 10 })['scheduler.interrupts']).toBe(0);
    expect(measure({}, { interrupts: 10 })['scheduler.interrupts']).toBe(0);
    expect(measure({ interrupts: 10 }, { interrupts: 20 }, 0)['scheduler.interrupts']).toBe(0);
    expect(Object.values(measure({}, {}))).toEqual([...Array<number>(12).fill(0), 0.123]);
  });

  it('never leave the range that they declare', () => {
    expect(measure({ cpuUser: 0, cpuTotal: 100 }, { cpuUser: 90, cpuTotal: 110 })['cpu.user']).toBe(100);
  });
});
