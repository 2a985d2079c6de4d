import type { HostCounter } from './host-counters.js';
import type { HostReading } from './host-reader.js';

/** Two readings of the machine, one interval apart, and how late the second was begun. */
export interface Interval {
  readonly before: HostReading;
  readonly after: HostReading;
  /** How late the probe's timer was, in milliseconds. */
  readonly timerDelayMs: number;
}

/** One quantity of the machine that the probe measures: a metric of its device. */
export interface Signal {
  readonly name: string;
  /** UCUM code. */
  readonly unit: string;
  readonly description: string;
  readonly minimum: number;
  readonly maximum?: number;
  /** Its value over an interval, in the unit; 0 where the machine does not tell. */
  readonly measure: (interval: Interval) => number;
}

/**
 * The 13 signals of a machine, one for each node of the network.
 *
 * Their phases are analysed, and a signal that stands still has none: these are the ones that move from second to second
 * even on an idle machine. Disk reads, forks and waiting for disks do not, because memory caches what is read again; and
 * bytes sent are the bytes received on a machine that speaks only to itself, where two such nodes would always agree.
 */
export const SIGNALS: readonly Signal[] = [
  {
    name: 'cpu.user',
    unit: '%',
    description: 'Share of the processors’ time spent in programs',
    minimum: 0,
    maximum: 100,
    measure: shareOfCpu('cpuUser'),
  },
  {
    name: 'cpu.system',
    unit: '%',
    description: 'Share of the processors’ time spent in the kernel, interrupts included',
    minimum: 0,
    maximum: 100,
    measure: shareOfCpu('cpuSystem'),
  },
  {
    name: 'memory.used',
    unit: '%',
    description: 'Share of memory that no program can have any more',
    minimum: 0,
    maximum: 100,
    measure: level('memoryUsedPercent'),
  },
  {
    name: 'memory.dirty',
    unit: 'By',
    description: 'Data in memory that waits to be written to disk; Linux only',
    minimum: 0,
    measure: level('memoryDirtyBytes'),
  },
  {
    name: 'memory.faults',
    unit: '1/s',
    description: 'Page faults a second; outside Linux those of the probe’s process',
    minimum: 0,
    measure: rate('pageFaults'),
  },
  {
    name: 'disk.written',
    unit: 'By/s',
    description: 'Bytes written to disks a second',
    minimum: 0,
    measure: rate('diskWrittenBytes'),
  },
  {
    name: 'disk.operations',
    unit: '1/s',
    description: 'Reads and writes that disks completed a second',
    minimum: 0,
    measure: rate('diskOperations'),
  },
  {
    name: 'network.received',
    unit: 'By/s',
    description: 'Bytes received a second over all interfaces, the loopback included',
    minimum: 0,
    measure: rate('networkReceivedBytes'),
  },
  {
    name: 'network.packets',
    unit: '1/s',
    description: 'Packets received and sent a second over all interfaces; Linux only',
    minimum: 0,
    measure: rate('networkPackets'),
  },
  {
    name: 'scheduler.switches',
    unit: '1/s',
    description: 'Context switches a second; outside Linux those of the probe’s process',
    minimum: 0,
    measure: rate('contextSwitches'),
  },
  {
    name: 'scheduler.interrupts',
    unit: '1/s',
    description: 'Interrupts a second; Linux only',
    minimum: 0,
    measure: rate('interrupts'),
  },
  {
    name: 'scheduler.softirqs',
    unit: '1/s',
    description: 'Soft interrupts (the kernel’s deferred work) a second; Linux only',
    minimum: 0,
    measure: rate('softInterrupts'),
  },
  {
    name: 'scheduler.delay',
    unit: 'ms',
    description: 'How late the probe’s timer was woken',
    minimum: 0,
    measure: ({ timerDelayMs }) => timerDelayMs,
  },
];

/** The value of each signal over an interval, by its name, to three decimals. */
export function measureSignals(interval: Interval): Record<string, number> {
  return Object.fromEntries(
    SIGNALS.map(({ name, minimum, maximum = Infinity, measure }) => {
      const value = Math.min(maximum, Math.max(minimum, measure(interval)));
      return [name, Math.round(value * 1000) / 1000];
    }),
  );
}

function level(counter: HostCounter): Signal['measure'] {
  return ({ after }) => after.counters[counter] ?? 0;
}

function rate(counter: HostCounter): Signal['measure'] {
  return (interval) => {
    const seconds = (interval.after.readAtMs - interval.before.readAtMs) / 1000;
    return seconds > 0 ? difference(interval, counter) / seconds : 0;
  };
}

function shareOfCpu(counter: HostCounter): Signal['measure'] {
  return (interval) => {
    const total = difference(interval, 'cpuTotal');
    return total > 0 ? (100 * difference(interval, counter)) / total : 0;
  };
}

/** What a counter grew by; 0 when it was begun anew, or is not told on both sides. */
function difference({ before, after }: Interval, counter: HostCounter): number {
  const from = before.counters[counter];
  const to = after.counters[counter];
  return from === undefined || to === undefined ? 0 : Math.max(0, to - from);
}
