import { onlyTold, type HostCounters } from './host-counters.js';

/** The unit of `/proc/diskstats`, whatever the disk's own sectors measure (Linux, Documentation/admin-guide/iostats.rst). */
const SECTOR_BYTES = 512;

/** Devices that stand on top of other devices, or on none: what passes through them is counted elsewhere, or not disk. */
const NO_DISK = /^(loop|ram|zram|dm-|md|sr|fd)\d+$/;

/**
 * The files of Linux's /proc that tell the counters, each with the reader of its text.
 *
 * Each takes the text of its file, even an empty or foreign one, and leaves out what it does not find.
 * Source: proc(5).
 */
export const PROC_FILES: Readonly<Record<string, (text: string) => HostCounters>> = {
  stat: parseStat,
  meminfo: parseMeminfo,
  vmstat: parseVmstat,
  diskstats: parseDiskstats,
  'net/dev': parseNetDev,
};

/** `/proc/stat`: processor time in ticks, switches and interrupts, all since the machine was started. */
export function parseStat(text: string): HostCounters {
  // Guest time, the last two columns, is in user time already.
  const [user = NaN, nice = 0, system = NaN, idle = NaN, ioWait = 0, irq = 0, softIrq = 0, steal = 0] =
    numbersAfter(text, 'cpu');
  return onlyTold({
    cpuUser: user + nice,
    cpuSystem: system + irq + softIrq,
    cpuTotal: user + nice + system + idle + ioWait + irq + softIrq + steal,
    contextSwitches: numbersAfter(text, 'ctxt')[0],
    interrupts: numbersAfter(text, 'intr')[0],
    softInterrupts: numbersAfter(text, 'softirq')[0],
  });
}

/** `/proc/meminfo`, in KiB. Kernels before 3.14 do not tell what is available: it is taken as free or cached there. */
export function parseMeminfo(text: string): HostCounters {
  const kibibytes = (name: string) => numbersAfter(text, `${name}:`)[0];
  const total = kibibytes('MemTotal') ?? NaN;
  const free = (kibibytes('MemFree') ?? NaN) + (kibibytes('Buffers') ?? 0) + (kibibytes('Cached') ?? 0);
  const available = kibibytes('MemAvailable') ?? free;
  return onlyTold({
    memoryUsedPercent: (100 * (total - available)) / total,
    memoryDirtyBytes: (kibibytes('Dirty') ?? NaN) * 1024,
  });
}

/** `/proc/vmstat`. */
export function parseVmstat(text: string): HostCounters {
  return onlyTold({ pageFaults: numbersAfter(text, 'pgfault')[0] });
}

/** `/proc/diskstats`, summed over whole disks: partitions and devices made of others would count twice. */
export function parseDiskstats(text: string): HostCounters {
  const rows = text.split('\n').map((line) => line.trim().split(/\s+/));
  const names = rows.map((row) => row[2] ?? '').filter((name) => name !== '' && !NO_DISK.test(name));
  const disks = new Set(names.filter((name) => !names.some((other) => isPartition(name, other))));
  let operations = 0;
  let sectors = 0;
  for (const row of rows.filter(([, , name = '']) => disks.has(name))) {
    operations += Number(row[3]) + Number(row[7]);
    sectors += Number(row[9]);
  }
  return onlyTold({ diskOperations: operations, diskWrittenBytes: sectors * SECTOR_BYTES });
}

/** `sda1` is one of `sda`, `nvme0n1p2` of `nvme0n1`. */
function isPartition(name: string, disk: string): boolean {
  return name.startsWith(disk) && /^p?\d+$/.test(name.slice(disk.length));
}

/** `/proc/net/dev`, summed over all interfaces, the loopback included. */
export function parseNetDev(text: string): HostCounters {
  let received = 0;
  let packets = 0;
  for (const match of text.matchAll(/^\s*[^\s:|]+:(.*)$/gm)) {
    const columns = (match[1] ?? '').trim().split(/\s+/).map(Number);
    received += columns[0] ?? NaN;
    packets += (columns[1] ?? NaN) + (columns[9] ?? NaN);
  }
  return onlyTold({ networkReceivedBytes: received, networkPackets: packets });
}

/** The numbers on the line that begins with a word; none when there is no such line. */
function numbersAfter(text: string, word: string): number[] {
  const line = text.split('\n').find((one) => one.startsWith(`${word} `) || one.startsWith(`${word}\t`));
  return line === undefined
    ? []
    : line.slice(word.length).trim().split(/\s+/).map(Number).filter(Number.isFinite);
}
