import { describe, expect, it } from '@jest/globals';
import {
  parseDiskstats,
  parseMeminfo,
  parseNetDev,
  parseStat,
  parseVmstat,
  PROC_FILES,
} from '../../../cli/probe/proc-files.js';

const STAT = `cpu  9370 10 4845 213363 304 7 100 15 50 0
cpu0 4058 0 2158 107679 26 0 24 6 0 0
intr 642480 0 0 0 228
ctxt 2077490
btime 1795149841
processes 7046
procs_running 4
procs_blocked 0
softirq 243072 0 27452 4 43287
`;

const MEMINFO = `MemTotal:       24684092 kB
MemFree:        20000000 kB
MemAvailable:   18513069 kB
Buffers:            3208 kB
Cached:           142048 kB
Dirty:               292 kB
HugePages_Total:       0
`;

const DISKSTATS = `   7       0 loop0 9 0 900 0 9 0 900 0 0 0 0 0 0 0 0 0 0
 259       0 nvme0n1 49486 11019 2788554 9128 20770 167999 6336872 47919 0 6020 57521 6698 41 491480 436 1291 35
 259       1 nvme0n1p1 40000 11019 2788554 9128 20000 167999 6336000 47919 0 6020 57521 0 0 0 0 0 0
   8       0 sda 100 0 0 0 50 0 8 0 0 0 0
   8       1 sda1 100 0 0 0 50 0 8 0 0 0 0
   8      16 sdb 1 0 0 0 1 0 2 0 0 0 0
 253       0 dm-0 100 0 0 0 50 0 8 0 0 0 0
 252       0 zram0 5 0 5 0 5 0 5 0 0 0 0
`;

const NET_DEV = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    3193      29    0    0    0     0          0         0     3193      29    0    0    0     0       0          0
  eth0:1126426589   33555    0    0    0     0          0         0  2877254   21048    0    0    0     0       0          0
`;

describe("the readers of Linux's /proc", () => {
  it('sums processor time by kind, guests counted once', () => {
    expect(parseStat(STAT)).toEqual({
      cpuUser: 9380,
      cpuSystem: 4952,
      cpuTotal: 228_014,
      contextSwitches: 2_077_490,
      interrupts: 642_480,
      softInterrupts: 243_072,
    });
  });

  it('takes what is not available for used memory', () => {
    const { memoryUsedPercent, memoryDirtyBytes } = parseMeminfo(MEMINFO);
    expect(memoryUsedPercent).toBeCloseTo(25, 5);
    expect(memoryDirtyBytes).toBe(292 * 1024);
  });

  it('counts free and cached memory as available on kernels that do not tell', () => {
    const old = MEMINFO.replace(/MemAvailable.*\n/, '');
    expect(parseMeminfo(old).memoryUsedPercent).toBeCloseTo(
      (100 * (24_684_092 - 20_000_000 - 3208 - 142_048)) / 24_684_092,
      5,
    );
  });

  it('counts page faults, and not the major ones by mistake', () => {
    expect(parseVmstat('pgmajfault 7\npgfault 123456\n')).toEqual({ pageFaults: 123_456 });
  });

  it('counts whole disks only: neither their partitions nor what is stacked on them nor memory', () => {
    expect(parseDiskstats(DISKSTATS)).toEqual({
      diskOperations: 49_486 + 20_770 + 150 + 2,
      diskWrittenBytes: (6_336_872 + 8 + 2) * 512,
    });
  });

  it('counts a partition when its disk is not listed, as on some clouds', () => {
    expect(parseDiskstats(' 202 1 xvda1 10 0 0 0 5 0 4 0 0 0 0\n')).toEqual({
      diskOperations: 15,
      diskWrittenBytes: 2048,
    });
  });

  it('sums all interfaces, also one whose first number touches the colon', () => {
    expect(parseNetDev(NET_DEV)).toEqual({
      networkReceivedBytes: 3193 + 1_126_426_589,
      networkPackets: 29 + 29 + 33_555 + 21_048,
    });
  });

  it('leaves out what a sandbox answers with zeros', () => {
    expect(parseStat('cpu  0 0 0 0 0 0 0 0 0 0\nctxt 0\nintr 0\n')).toEqual({});
    expect(parseDiskstats('')).toEqual({});
  });

  it.each(Object.entries(PROC_FILES))(
    'takes an empty, a cut and a foreign %s for one that tells nothing',
    (_name, parse) => {
      expect(parse('')).toEqual({});
      expect(parse('cpu\nctxt \neth0:\nMemTotal: many kB\npgfault\n 8 0 sda\n')).toEqual({});
      expect(parse('\u0000\u0001 <html>')).toEqual({});
    },
  );
});
